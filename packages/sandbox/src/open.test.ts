import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { describe, it } from 'node:test';
import { silentLog } from '@reeve/kit';
import { openSandbox } from './open.ts';

const request = { workspace: tmpdir(), timeoutMs: 20_000, maxOutputBytes: 10_000 };
const signal = new AbortController().signal;

describe('openSandbox', () => {
  it('opens before the probe has ended, and knows afterwards what works', async () => {
    await using sandbox = await openSandbox({ sandboxBackend: 'auto' }, silentLog);
    assert.equal(sandbox.drivers.has('bubblewrap'), false);
    await sandbox.whenProbed();
    const bubblewrap = sandbox.describe().find(({ name }) => name === 'bubblewrap')!;
    assert.equal(sandbox.drivers.has('bubblewrap'), bubblewrap.available);
    assert.equal(bubblewrap.available, bubblewrap.reason === undefined);
    assert.equal(sandbox.unavailable('bash'), bubblewrap.reason);
    assert.equal(sandbox.status().status, bubblewrap.available ? 'ok' : 'degraded');
  });

  it('refuses shell commands with a reason where they are switched off, and runs none of them', async () => {
    await using sandbox = await openSandbox({ sandboxBackend: 'quickjs' }, silentLog);
    assert.match(sandbox.unavailable('bash')!, /SANDBOX_BACKEND is quickjs/);
    assert.equal(sandbox.status().status, 'ok');
    await assert.rejects(sandbox.exec({ ...request, language: 'bash', code: 'true' }, signal), {
      reason: 'unavailable',
      message: /SANDBOX_BACKEND/,
    });
    const result = await sandbox.exec({ ...request, language: 'javascript', code: '6 * 7' }, signal);
    assert.ok(result.status === 'success' && result.result === 42);
  });

  it('kills what still runs when it is disposed, and takes nothing more', async () => {
    const sandbox = await openSandbox({ sandboxBackend: 'quickjs' }, silentLog);
    const running = assert.rejects(sandbox.exec({ ...request, language: 'javascript', code: 'for (;;);' }, signal), {
      reason: 'shutting_down',
    });
    await sandbox[Symbol.asyncDispose]();
    await running;
    await assert.rejects(sandbox.exec({ ...request, language: 'javascript', code: '1' }, signal), {
      reason: 'shutting_down',
    });
  });
});
