// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { ReeveError } from '@reeve/kit';
import { openTestEngine, type TestEngine } from '@reeve/testing';

describe('a model call whose answer breaks off', { timeout: 300_000 }, () => {
  let engine: TestEngine;
  before(async () => {
    engine = await openTestEngine();
    await engine.makeAgent('careful', { approvals: ['count_external'] });
  });
  after(() => engine[Symbol.asyncDispose]());
  beforeEach(() => {
    engine.model.script([]);
    engine.counted.clear();
  });

  const cut = () => new ReeveError('malformed_answer', 'the connection was cut');
  const silent = () => new ReeveError('timeout', 'it fell silent', { brokeOff: true });
  const outcomes = async (runId: string) =>
    engine.database.db
      .selectFrom('model_calls')
      .select('outcome')
      .where('run_id', '=', runId)
      .orderBy('id')
      .execute()
      .then((rows) => rows.map(({ outcome }) => outcome));
  /** What a run said, and where readers were told to void it. */
  const said = async (runId: string) =>
    (await engine.events(runId)).flatMap((event) => {
      if (event.type === 'text') return event.delta;
      return event.type === 'system' && event.discard_step !== undefined ? `void ${event.discard_step}` : [];
    });

  it('is made again, what had been streamed is void, and the ledger has each', async () => {
    const seen = Promise.withResolvers<void>();
    engine.model.script([
      { text: 'Half an', until: seen.promise, error: cut() },
      { error: silent() },
      { text: 'A whole answer.' },
    ]);
    const { runId } = await engine.start('again');
    await engine.event(runId, 'text');
    seen.resolve();
    const { result } = await engine.wait(runId);
    assert.equal(result.result, 'A whole answer.');
    assert.deepEqual(await said(runId), ['Half an', 'void 1', 'A whole answer.']);
    const [first, second, ...others] = await outcomes(runId);
    assert.deepEqual([first, second, others.length], ['malformed_answer', 'timeout', 1]);
    assert.deepEqual(
      (await engine.steps(runId)).map(({ status, attempt }) => [status, attempt]),
      [['settled', 3]],
    );
  });

  it('is made again three times, and then fails as it did', async () => {
    engine.model.script([cut(), cut(), cut(), cut(), cut()].map((error) => ({ error })));
    const { runId } = await engine.start('in vain');
    await assert.rejects(engine.wait(runId), { reason: 'malformed_answer', message: 'the connection was cut' });
    assert.equal(engine.model.waiting, 1);
    assert.equal((await outcomes(runId)).length, 4);
  });

  it('is not made again where it never began, or was refused', async () => {
    for (const error of [new ReeveError('timeout', 'no answer in time'), new ReeveError('upstream_error', '500')]) {
      engine.model.script([{ error }, { text: 'Not this.' }]);
      const { runId } = await engine.start('not again');
      await assert.rejects(engine.wait(runId), { reason: error.reason });
      assert.equal((await outcomes(runId)).length, 1);
    }
  });

  it('keeps within the time limit of its run', async () => {
    engine.model.script([{ error: cut() }, { text: 'x', hang: true }]);
    await engine.makeAgent('hasty', { limits: { timeout_ms: 1_000 } });
    const { runId } = await engine.start('too long', { agent: 'hasty' });
    await assert.rejects(engine.wait(runId), { reason: 'limit_reached' });
  });

  describe('arguments of a tool call that are not JSON', () => {
    const broken = { name: 'count_external', input: '{"key": "a' };
    const lastMessage = () => engine.model.requests.at(-1)!.messages.at(-1);

    it('never reach the tool, nor a person: the model is told, with what it said', async () => {
      engine.model.script([{ calls: [broken, { name: 'count_none', input: { key: 'well' } }] }, { text: 'I see.' }]);
      const { runId } = await engine.start('told', { agent: 'careful' });
      assert.equal((await engine.wait(runId)).result.result, 'I see.');
      assert.deepEqual([...engine.counted], [['well', 1]]);
      const { messages } = engine.model.requests.at(-1)!;
      const call = messages.find((message) => message.role === 'assistant');
      assert.deepEqual(call?.role === 'assistant' && call.toolCalls.map(({ input }) => input), [{}, { key: 'well' }]);
      const results = messages.filter((message) => message.role === 'tool');
      const told = results.find(({ isError }) => isError);
      assert.match(
        (told!.output as { error: string }).error,
        /not valid JSON.*\{"key": "a\n.*shorter: these were cut off/,
      );
      assert.ok(!(await engine.events(runId)).some(({ type }) => type === 'approval_required'));
      const kinds = (await engine.steps(runId)).map(({ kind, outcome, attempt }) => `${kind} ${outcome} ${attempt}`);
      assert.deepEqual(kinds, ['model success 1', 'tool error 0', 'tool success 1', 'model success 1']);
    });

    it('end the run with what the model said, where it was just told', async () => {
      engine.model.script([{ calls: [broken] }, { text: 'Once more.', calls: [broken] }, { text: 'Never asked.' }]);
      const { runId } = await engine.start('told twice');
      await assert.rejects(engine.wait(runId), {
        reason: 'malformed_answer',
        message: /called count_external with arguments that are not valid JSON.*\{"key": "a/,
      });
      assert.deepEqual(await said(runId), ['Once more.']);
      assert.equal(engine.model.waiting, 1);
      assert.equal(engine.counted.size, 0);
    });

    it('are told of again where a turn went well in between', async () => {
      const well = { name: 'count_none', input: { key: 'between' } };
      engine.model.script([{ calls: [broken] }, { calls: [well] }, { calls: [broken] }, { text: 'Done.' }]);
      const { runId } = await engine.start('mended');
      assert.equal((await engine.wait(runId)).result.result, 'Done.');
      assert.ok(JSON.stringify(lastMessage()).includes('not valid JSON'));
    });
  });
});
