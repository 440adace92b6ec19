// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Multitask } from '@reeve/contract';
import { inTenant } from '@reeve/db';
import { listMessages } from '@reeve/memory';
import { openTestEngine, type TestEngine } from '@reeve/testing';

describe('a message to a busy session', () => {
  let engine: TestEngine;
  before(async () => {
    engine = await openTestEngine();
  });
  after(() => engine[Symbol.asyncDispose]());
  beforeEach(() => engine.model.script([]));

  /** A session whose run has called a tool and hangs in its second model call. */
  async function busy(): Promise<{ runId: string; sessionId: string }> {
    const { promise, resolve } = Promise.withResolvers<void>();
    engine.model.script([
      { text: 'I look.', calls: [{ name: 'count_none', input: { key: 'k' } }] },
      { text: 'Half', hang: true, started: resolve },
      { text: 'The second answer.' },
    ]);
    const first = await engine.start('first');
    await promise;
    return first;
  }
  const send = (sessionId: string, multitask?: Multitask) =>
    engine.start('second', { sessionId, ...(multitask && { multitask }) });
  const contents = async (sessionId: string) =>
    (await inTenant(engine.database.db, 'default', (tx) => listMessages(tx, 'default', sessionId, { limit: 50 }))).map(
      ({ role, content }) => (role.startsWith('tool') ? role : content),
    );
  const ended = async (runId: string) => (await engine.events(runId)).at(-1)?.type === 'session_end';

  it('waits for the run to end, and then sees what that answered', async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    engine.gates.set('wait', gate);
    engine.model.script([
      { calls: [{ name: 'count_none', input: { key: 'wait' } }] },
      { text: 'The first answer.' },
      { text: 'The second answer.' },
    ]);
    const { runId, sessionId } = await engine.start('first');
    await engine.event(runId, 'tool_call');
    const second = await send(sessionId);
    const waiting = await engine.run(second.runId);
    assert.deepEqual([waiting.status, waiting.started_at], ['queued', null]);
    open();
    await engine.wait(runId);
    await engine.finish(second.runId);
    assert.deepEqual(await contents(sessionId), [
      'first',
      'tool-plan',
      'tool-output',
      'The first answer.',
      'second',
      'The second answer.',
    ]);
    const asked = engine.model.requests.at(-1)!.messages;
    assert.deepEqual(
      asked.map(({ role }) => role),
      ['user', 'assistant', 'tool', 'assistant', 'user'],
    );
  });

  it('is refused', async () => {
    const { sessionId } = await busy();
    await assert.rejects(send(sessionId, 'reject'), { reason: 'conflict' });
    const after = await send(sessionId, 'interrupt');
    await engine.finish(after.runId);
  });

  it('stops the run and keeps what that did', async () => {
    const { runId, sessionId } = await busy();
    const second = await send(sessionId, 'interrupt');
    assert.ok(await ended(runId));
    await engine.finish(second.runId);
    assert.equal((await engine.run(runId)).status, 'cancelled');
    assert.deepEqual(await contents(sessionId), [
      'first',
      'I look.',
      'tool-plan',
      'tool-output',
      'second',
      'The second answer.',
    ]);
  });

  it('stops the run and forgets it', async () => {
    const { runId, sessionId } = await busy();
    const second = await send(sessionId, 'rollback');
    assert.ok(await ended(runId));
    await engine.finish(second.runId);
    assert.equal((await engine.run(runId)).status, 'cancelled');
    assert.deepEqual(await contents(sessionId), ['second', 'The second answer.']);
    assert.deepEqual(
      engine.model.requests.at(-1)!.messages.map(({ role }) => role),
      ['user'],
    );
  });

  it('does nothing to a run that has ended', async () => {
    engine.model.script([{ text: 'The first answer.' }, { text: 'The second answer.' }]);
    const { runId, sessionId } = await engine.start('first');
    await engine.wait(runId);
    const second = await send(sessionId, 'rollback');
    await engine.wait(second.runId);
    assert.deepEqual(await contents(sessionId), ['first', 'The first answer.', 'second', 'The second answer.']);
  });

  it('waits behind a run that waits for a person', async () => {
    await engine.makeAgent('asker', { approvals: ['count_none'] });
    engine.model.script([{ calls: [{ name: 'count_none', input: { key: 'p' } }] }]);
    const first = await engine.start('first', { agent: 'asker' });
    for await (const event of engine.feed.follow('default', first.runId, 0, AbortSignal.timeout(20_000)))
      if (event.type === 'system' && event.waiting_for === 'approval') break;
    const second = await send(first.sessionId);
    assert.equal(await engine.worker.runOnce(1).then(({ length }) => length), 0);
    assert.equal((await engine.run(second.runId)).status, 'queued');
    engine.model.script([{ text: 'The third answer.' }]);
    const third = await send(first.sessionId, 'interrupt');
    await engine.finish(third.runId);
    assert.deepEqual(await Promise.all([first, second].map(async ({ runId }) => (await engine.run(runId)).status)), [
      'cancelled',
      'cancelled',
    ]);
    assert.deepEqual(await contents(first.sessionId), ['first', 'second', 'The third answer.']);
  });
});
