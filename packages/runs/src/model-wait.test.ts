// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { TaskInput } from '@reeve/contract';
import { inTenant } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import { cancelTask, countModelWaits, createEnqueuer, retryTask, selectTask } from '@reeve/tasks';
import { MODEL_WAIT_MS, openTestEngine, passTime, requester, type TestEngine } from '@reeve/testing';
import { modelPauseMs, pauseMs } from './pause.ts';

const refused = () =>
  new ReeveError('upstream_error', 'the provider cannot be reached', {
    cause: Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }),
  });
const unavailable = {
  unreachable: refused,
  circuit_open: () => new ReeveError('circuit_open', 'it is not asked for a while', { retryAfterMs: 30_000 }),
  rate_limited: () => new ReeveError('rate_limited', 'too many calls', { retryAfterMs: 5_000 }),
  provider_overloaded: () => new ReeveError('provider_overloaded', 'no slot is free'),
};

describe('a task whose model takes no calls', { timeout: 300_000 }, () => {
  let engine: TestEngine;
  before(async () => void (engine = await openTestEngine()));
  after(() => engine[Symbol.asyncDispose]());
  beforeEach(() => engine.model.script([]));

  const taskOf = async (id: string) =>
    (await inTenant(engine.database.db, 'default', (tx) => selectTask(tx, 'default', id)))!;
  const runOf = (taskId: string) =>
    engine.database.db.selectFrom('runs').selectAll().where('task_id', '=', taskId).executeTakeFirstOrThrow();
  const enqueue = (title: string, more: object = {}) =>
    createEnqueuer(engine.database, engine.handler, async () => 'counter').task(
      requester,
      TaskInput.parse({ agent_id: 'counter', task_type: 'query', title, ...more }),
    );
  const work = () => engine.worker.runOnce(1);
  const standing = async (id: string) => {
    const { status, waiting_for, attempts } = await taskOf(id);
    return [status, waiting_for, attempts];
  };
  const waits = async (runId: string) =>
    engine.database.db
      .selectFrom('events')
      .select('data')
      .where('run_id', '=', runId)
      .where('type', '=', 'system')
      .execute()
      .then((rows) => rows.filter(({ data }) => (data as { waiting_for?: string }).waiting_for === 'model'));

  for (const [name, error] of Object.entries(unavailable))
    it(`is put aside without a lease or an attempt, and goes on when its time has come (${name})`, async () => {
      engine.model.script([{ error: error() }, { text: 'Back.' }]);
      const { id } = await enqueue(name, { max_attempts: 1 });
      await work();
      assert.deepEqual(await standing(id), ['pending', 'model', 0]);
      assert.deepEqual(await engine.database.db.selectFrom('leases').select('task_id').execute(), []);
      const { id: runId } = await runOf(id);
      const run = await engine.run(runId);
      assert.deepEqual([run.status, run.waiting_for], ['queued', 'model']);
      assert.equal(await countModelWaits(engine.database.db), 1);
      assert.deepEqual(
        (await waits(runId)).map(({ data }) => (data as { phase: string }).phase),
        ['waiting'],
      );

      const { retryAfterMs = 0 } = error();
      if (retryAfterMs > 0) {
        assert.deepEqual(await work(), [], 'not before the provider said');
        await passTime(engine.database, retryAfterMs);
      }
      await passTime(engine.database, 1_000);
      assert.deepEqual(await work(), [id]);
      assert.deepEqual(await standing(id), ['completed', null, 1]);
      assert.equal((await engine.run(runId)).result, 'Back.');
      assert.equal(await countModelWaits(engine.database.db), 0);
    });

  it('tells its readers once, however often it asks again, and voids what an answer had said before it was refused', async () => {
    const { id } = await enqueue('often', { max_attempts: 1 });
    const seen = Promise.withResolvers<void>();
    engine.model.script([
      { text: 'Half', until: seen.promise, error: unavailable.provider_overloaded() },
      ...repeat(3),
      { text: 'Whole.' },
    ]);
    const first = work();
    const { id: runId } = await until(() => runOf(id));
    await engine.event(runId, 'text');
    seen.resolve();
    await first;
    for (let times = 0; times < 4; times += 1) {
      await passTime(engine.database, 60_000);
      await work();
    }
    const events = await engine.events(runId);
    assert.equal(events.filter((event) => event.type === 'system' && event.waiting_for === 'model').length, 1);
    assert.deepEqual(await standing(id), ['completed', null, 1]);
    assert.equal((await engine.run(runId)).result, 'Whole.');
    const said = events.flatMap((event) =>
      event.type === 'text' ? event.delta : event.type === 'system' && event.discard_step === 1 ? 'void' : [],
    );
    assert.deepEqual(said, ['Half', 'void', 'Whole.']);
  });

  it('fails with the reason once it has waited for as long as it may, whatever attempts are left, and can be retried', async () => {
    engine.model.respond(() => ({ error: refused() }));
    const { id } = await enqueue('in vain', { max_attempts: 3 });
    await work();
    await passTime(engine.database, MODEL_WAIT_MS / 2);
    await work();
    assert.deepEqual(await standing(id), ['pending', 'model', 0]);
    await passTime(engine.database, MODEL_WAIT_MS / 2);
    await work();
    const task = await taskOf(id);
    assert.deepEqual([task.status, task.error_code, task.attempts], ['failed', 'upstream_error', 1]);
    assert.match(task.error_message ?? '', /REEVE_MODEL_WAIT: the provider cannot be reached/);

    await retryTask(engine.database, engine.handler, requester, id);
    await work();
    assert.deepEqual((await standing(id)).slice(0, 2), ['pending', 'model'], 'it waits anew');
    engine.model.script([{ text: 'At last.' }]);
    await passTime(engine.database, 60_000);
    await work();
    assert.equal((await taskOf(id)).status, 'completed');
  });

  it('can be cancelled while it waits', async () => {
    engine.model.script([{ error: refused() }]);
    const { id } = await enqueue('cancelled');
    await work();
    await cancelTask(engine.database, engine.handler, requester, id);
    assert.equal((await taskOf(id)).status, 'cancelled');
    const { id: runId } = await runOf(id);
    assert.equal((await engine.run(runId)).status, 'cancelled');
    assert.equal((await engine.events(runId)).at(-1)?.type, 'session_end');
    assert.equal(await countModelWaits(engine.database.db), 0);
  });

  it('waits where it had come to, with its tools called once', async () => {
    engine.counted.clear();
    engine.model.script([
      { calls: [{ name: 'count_external', input: { key: 'once' } }] },
      { error: refused() },
      { text: 'Done.' },
    ]);
    const { id } = await enqueue('in the middle', { max_attempts: 1 });
    await work();
    assert.deepEqual(await standing(id), ['pending', 'model', 0]);
    await passTime(engine.database, 1_000);
    await work();
    assert.deepEqual(await standing(id), ['completed', null, 1]);
    assert.equal(engine.counted.get('once'), 1);
  });

  it('waits with its summary too, instead of doing without one', async () => {
    const tooLong = new ReeveError('context_too_long', 'too many tokens');
    engine.model.script([
      { text: 'I count.', calls: [{ name: 'count_none', input: { key: 'p' } }] },
      { text: 'Again.', calls: [{ name: 'count_none', input: { key: 'q' } }] },
      { error: tooLong },
      { error: refused() },
      { text: 'They counted.' },
      { text: 'Well.' },
    ]);
    const { id } = await enqueue('long', { max_attempts: 1 });
    await work();
    assert.deepEqual(await standing(id), ['pending', 'model', 0]);
    await passTime(engine.database, 1_000);
    await work();
    assert.deepEqual(await standing(id), ['completed', null, 1]);
    const [summary] = engine.model.requests.at(-1)!.messages;
    assert.ok(summary?.role === 'user' && /They counted\./.test(summary.text));
  });

  it('fails at an endpoint whose caller waits, with the reason and when to come back', async () => {
    engine.model.script([{ error: unavailable.circuit_open() }]);
    const { runId } = await engine.start('impatient');
    await assert.rejects(engine.wait(runId), { reason: 'circuit_open', retryAfterMs: 30_000 });
    assert.equal((await engine.run(runId)).status, 'failed');
  });

  it('never spends more attempts than its own failures cost, in whatever order the model fails', async () => {
    const kinds = [...Object.keys(unavailable), 'failure', 'crash'];
    for (let times = 0; times < 8; times += 1) {
      const length = Math.floor(Math.random() * 6);
      await live(Array.from({ length }, () => kinds[Math.floor(Math.random() * kinds.length)]!));
    }
  });

  /** Has the model of a task fail in these ways, one after another, and then answer. */
  async function live(history: readonly string[]): Promise<void> {
    const story = history.join(' ');
    const { id } = await enqueue(story || 'nothing', { max_attempts: 20 });
    let spent = 0;
    for (const what of history) {
      if (what === 'crash') await crash(id);
      else {
        engine.model.script([{ error: unavailable[what as keyof typeof unavailable]?.() ?? failure() }]);
        await passTime(engine.database, 40_000);
        assert.deepEqual(await work(), [id], story);
      }
      if (what === 'crash' || what === 'failure') spent += 1;
      const task = await taskOf(id);
      assert.deepEqual([task.attempts, task.status], [spent, 'pending'], story);
    }
    engine.model.script([{ text: 'Done.' }]);
    await passTime(engine.database, 40_000);
    await work();
    assert.deepEqual(await standing(id), ['completed', null, spent + 1], story);
  }

  const failure = () => new ReeveError('upstream_error', 'it answered 500');

  /** The holder of the task dies while it asks the model. */
  async function crash(id: string): Promise<void> {
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    engine.model.script([{ hang: true, started: resolve }]);
    await passTime(engine.database, 40_000);
    const doomed = engine.startWorker(`doomed ${Math.random()}`, 60_000);
    const working = doomed.runOnce(1);
    await asked;
    await engine.database.db
      .updateTable('leases')
      .set({ expires_at: new Date(0) })
      .where('task_id', '=', id)
      .execute();
    await engine.worker.runOnce(0);
    await doomed[Symbol.asyncDispose]();
    await working;
  }

  async function until<T>(read: () => Promise<T>): Promise<T> {
    for (;;)
      try {
        return await read();
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
  }

  function repeat(times: number) {
    return Array.from({ length: times }, () => ({ error: refused() }));
  }
});

describe('the pause before a model is asked again', () => {
  it('doubles up to a minute, and chance takes up to half of it', () => {
    const between = (time: number) => [pauseMs(time, { random: () => 0 }), pauseMs(time, { random: () => 1 })];
    assert.deepEqual(between(1), [500, 1_000]);
    assert.deepEqual(between(4), [4_000, 8_000]);
    assert.deepEqual(between(40), [30_000, 60_000]);
  });

  it('is never shorter than the provider says, and by chance longer', () => {
    assert.equal(modelPauseMs(1, 30_000, { random: () => 0 }), 30_000);
    assert.equal(modelPauseMs(1, 30_000, { random: () => 1 }), 31_000);
    assert.equal(modelPauseMs(3, undefined, { random: () => 1 }), 4_000);
  });
});
