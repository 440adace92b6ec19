// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { inTenant } from '@reeve/db';
import { listMessages, removeSession } from '@reeve/memory';
import { openTestEngine, requester, type TestEngine } from '@reeve/testing';
import { deleteRunsOf } from './forget.ts';
import { forkRun } from './fork.ts';

describe('a fork', () => {
  let engine: TestEngine;
  before(async () => {
    engine = await openTestEngine();
  });
  after(() => engine[Symbol.asyncDispose]());
  beforeEach(() => engine.counted.clear());

  const call = (key: string, name = 'count_none') => ({ name, input: { key } });
  /** Three steps: a model call, its tool call, the answer. */
  async function original(
    key: string,
    sessionId?: string,
  ): Promise<{ runId: string; sessionId: string; taskId: string }> {
    engine.model.script([{ text: 'I look.', calls: [call(key)] }, { text: 'First answer.' }]);
    const started = await engine.start(`about ${key}`, { sessionId });
    await engine.finish(started.runId);
    return started;
  }
  const fork = (runId: string, fromStep: number, message?: string) =>
    forkRun(engine.parts, { requester, runId, fromStep, message });
  const shown = () =>
    engine.model.requests.at(-1)!.messages.map((message) => (message.role === 'tool' ? message.output : message.text));
  const messagesOf = (sessionId: string) =>
    inTenant(engine.database.db, 'default', (tx) => listMessages(tx, 'default', sessionId, { limit: 100 }));
  const ownSteps = async (runId: string) =>
    (await engine.database.db.selectFrom('steps').select('number').where('run_id', '=', runId).execute()).length;

  it('shares the steps before it without a copy, and leaves the other run as it was', async () => {
    const { runId, sessionId } = await original('a');
    engine.model.script([{ text: 'Second answer.' }]);
    const forked = await fork(runId, 3);
    assert.deepEqual([forked.forked_from, forked.fork_step], [runId, 3]);
    await engine.wait(forked.id);
    assert.deepEqual(shown(), ['about a', 'I look.', { key: 'a' }]);
    assert.equal(engine.counted.get('a'), 1, 'a shared call is not made again');
    const steps = await engine.steps(forked.id);
    assert.deepEqual(
      steps.map(({ number, kind, run_id }) => [number, kind, run_id === forked.id]),
      [
        [1, 'model', false],
        [2, 'tool', false],
        [3, 'model', true],
      ],
    );
    assert.equal(await ownSteps(forked.id), 1);
    assert.equal((await engine.run(runId)).result, 'First answer.');
    assert.equal((await engine.run(forked.id)).steps, 3);
    const said = (id: string) => messagesOf(id).then((messages) => messages.map(({ content }) => content));
    assert.deepEqual((await said(sessionId)).at(-1), 'First answer.');
    assert.notEqual(forked.session_id, sessionId);
    const [question, look, plan, output, answer] = await said(forked.session_id);
    assert.deepEqual([question, look, answer], ['about a', 'I look.', 'Second answer.']);
    assert.deepEqual(JSON.parse(plan!).input, { key: 'a' });
    assert.deepEqual(JSON.parse(output!).output, { key: 'a' });
  });

  it('is told something else in place of the first message, or something more after the shared steps', async () => {
    const { runId } = await original('b');
    engine.model.script([{ text: 'Anew.' }]);
    const anew = await fork(runId, 1, 'quite another question');
    await engine.wait(anew.id);
    assert.deepEqual(shown(), ['quite another question']);
    assert.equal(anew.input, 'quite another question');

    engine.model.script([{ text: 'More.' }]);
    const more = await fork(runId, 4, 'and then?');
    await engine.wait(more.id);
    assert.deepEqual(shown(), ['about b', 'I look.', { key: 'b' }, 'First answer.', 'and then?']);
    assert.deepEqual(
      (await engine.steps(more.id)).map(({ kind }) => kind),
      ['model', 'tool', 'model', 'message', 'model'],
    );
  });

  it('makes the calls of a turn anew from one of them on', async () => {
    engine.model.script([{ calls: [call('x'), call('y'), call('z')] }, { text: 'Done.' }]);
    const { runId } = await engine.start('three');
    await engine.wait(runId);
    engine.model.script([{ text: 'Done again.' }]);
    const forked = await fork(runId, 3);
    await engine.wait(forked.id);
    assert.deepEqual([engine.counted.get('x'), engine.counted.get('y'), engine.counted.get('z')], [1, 2, 2]);
    assert.deepEqual(shown(), ['three', '', { key: 'x' }, { key: 'y' }, { key: 'z' }]);
    await assert.rejects(fork(runId, 3, 'no'), { reason: 'invalid_request', message: /step 3 is a tool call/ });
  });

  it('can be forked in turn, and each shows what it was shown', async () => {
    const { runId } = await original('c');
    engine.model.script([{ text: 'One.' }]);
    const one = await fork(runId, 4, 'first more');
    await engine.wait(one.id);
    engine.model.script([{ text: 'Two.' }]);
    const two = await fork(one.id, 6, 'second more');
    await engine.wait(two.id);
    assert.deepEqual(shown(), [
      'about c',
      'I look.',
      { key: 'c' },
      'First answer.',
      'first more',
      'One.',
      'second more',
    ]);
    engine.model.script([{ text: 'Three.' }]);
    const three = await fork(two.id, 3);
    await engine.wait(three.id);
    assert.deepEqual(shown(), ['about c', 'I look.', { key: 'c' }]);
  });

  it('begins with what the session held before the run, and goes on from there', async () => {
    const first = await original('d');
    const { runId } = await original('e', first.sessionId);
    engine.model.script([{ text: 'Forked.' }, { text: 'Later.' }]);
    const forked = await fork(runId, 1);
    await engine.wait(forked.id);
    assert.deepEqual(shown(), ['about d', 'I look.', { key: 'd' }, 'First answer.', 'about e']);
    const later = await engine.start('and now?', { sessionId: forked.session_id });
    await engine.finish(later.runId);
    assert.deepEqual(shown().slice(-3), ['about e', 'Forked.', 'and now?']);
    assert.deepEqual(
      (await messagesOf(forked.session_id)).map(({ position }) => position),
      Array.from({ length: 9 }, (_, index) => index + 1),
    );
  });

  it('keeps its steps when the other run is forgotten, and its own messages when the other session is deleted', async () => {
    const { runId, taskId, sessionId } = await original('f');
    engine.model.script([{ text: 'Mine.' }, { text: 'Still mine.' }]);
    const forked = await fork(runId, 3);
    await engine.wait(forked.id);
    const second = await fork(forked.id, 4, 'more');
    await engine.wait(second.id);
    const before = await messagesOf(second.session_id);
    await engine.database.db.transaction().execute((tx) => deleteRunsOf(tx, [taskId]));
    assert.deepEqual(
      (await engine.steps(second.id)).map(({ kind }) => kind),
      ['model', 'tool', 'model', 'message', 'model'],
    );
    const contents = (messages: typeof before) =>
      messages.map(({ role, content }) => (role.startsWith('tool') ? JSON.parse(content) : content));
    assert.deepEqual(contents(await messagesOf(second.session_id)), contents(before));
    await inTenant(engine.database.db, 'default', (tx) => removeSession(tx, requester, sessionId));
    assert.equal((await messagesOf(second.session_id)).at(-1)?.content, 'Still mine.');
  });

  it('keeps its history where its first message is taken back', async () => {
    const first = await original('i');
    const { runId } = await original('j', first.sessionId);
    const { promise, resolve } = Promise.withResolvers<void>();
    engine.model.script([{ hang: true, started: resolve }, { text: 'Anew.' }]);
    const forked = await fork(runId, 1);
    await promise;
    const again = await engine.start('instead', { sessionId: forked.session_id, multitask: 'rollback' });
    await engine.events(forked.id);
    await engine.finish(again.runId);
    assert.deepEqual(shown(), ['about i', 'I look.', { key: 'i' }, 'First answer.', 'instead']);
  });

  it('refuses what it cannot go on from', async () => {
    const { runId } = await original('g');
    await assert.rejects(fork(runId, 5, 'x'), { reason: 'invalid_request', message: /from 1 to 4/ });
    await assert.rejects(fork(runId, 4), { reason: 'invalid_request', message: /message/ });
    await assert.rejects(fork('01900000-0000-7000-8000-000000000000', 1), { reason: 'not_found' });
    const stranger = { ...requester, tenantId: 'other' };
    await assert.rejects(forkRun(engine.parts, { requester: stranger, runId, fromStep: 1, message: undefined }), {
      reason: 'not_found',
    });
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    engine.model.script([{ hang: true, started: resolve }]);
    const running = await engine.start('hang');
    await asked;
    await assert.rejects(fork(running.runId, 2, 'x'), { reason: 'invalid_request', message: /at most 1/ });
  });

  it('waits in the queue where no worker is near, with what it is told', async () => {
    const { runId } = await original('h');
    const parts = { ...engine.parts, worker: undefined };
    const forked = await forkRun(parts, { requester, runId, fromStep: 4, message: 'later on' });
    assert.equal(forked.status, 'queued');
    engine.model.script([{ text: 'Now.' }]);
    await engine.worker.runOnce(1);
    assert.equal(shown().at(-1), 'later on');
    assert.equal((await engine.run(forked.id)).result, 'Now.');
  });
});
