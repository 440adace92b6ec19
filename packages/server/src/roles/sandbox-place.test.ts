import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readConfig } from '../config.ts';
import { isSandboxAlone, sandboxProblems, sandboxTarget } from './sandbox-place.ts';

const configOf = (overrides: Readonly<Record<string, string>>) => readConfig(overrides).config;
const problemsOf = (overrides: Readonly<Record<string, string>>) =>
  sandboxProblems(configOf(overrides)).map(({ message }) => message);

describe('where tools that work in a workspace run', () => {
  it('is here, unless SANDBOX_TARGET says where', () => {
    assert.equal(sandboxTarget(configOf({})), undefined);
    assert.equal(sandboxTarget(configOf({ SANDBOX_TARGET: '127.0.0.1:50053' })), '127.0.0.1:50053');
    assert.throws(() => configOf({ SANDBOX_TARGET: 'http://somewhere' }), /SANDBOX_TARGET is .*host:port/);
  });

  it('is here for the role sandbox alone, whatever it shares its settings with', () => {
    const alone = configOf({ REEVE_ROLES: 'sandbox', SANDBOX_TARGET: 'sandbox.internal:50053' });
    assert.deepEqual([isSandboxAlone(alone), sandboxTarget(alone), sandboxProblems(alone)], [true, undefined, []]);
    assert.equal(isSandboxAlone(configOf({ REEVE_ROLES: 'sandbox,worker' })), false);
  });

  it('is refused where the settings contradict each other, or where nothing would prove who calls', () => {
    const away = { SANDBOX_TARGET: 'sandbox.internal:50053' };
    assert.match(problemsOf({ SANDBOX_BACKEND: 'remote' })[0]!, /^SANDBOX_TARGET is not set/);
    assert.match(problemsOf({ ...away, SANDBOX_BACKEND: 'bubblewrap' })[0]!, /^SANDBOX_BACKEND is bubblewrap/);
    assert.match(problemsOf(away)[0]!, /^SANDBOX_TARGET is beyond this machine/);
    assert.deepEqual(problemsOf({ ...away, SANDBOX_BACKEND: 'remote', REEVE_INTERNAL_SECRET: 'a-secret-of-this' }), []);
    assert.deepEqual(problemsOf({ SANDBOX_TARGET: '[::1]:50053' }), []);
  });
});
