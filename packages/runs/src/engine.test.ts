// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { updateAgent } from '@reeve/agents';
import { TaskInput, type RunEvent } from '@reeve/contract';
import type { Database } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import { cancelTask, createEnqueuer, retryTask, type Worker } from '@reeve/tasks';
import { passTime, type ScriptedModel, leaveBegun, openTestEngine, requester, type TestEngine } from '@reeve/testing';
import type { Feed } from './feed.ts';
import type { RunHandler } from './execution.ts';

describe('the run engine', () => {
  let engine: TestEngine;
  let database: Database;
  let feed: Feed;
  let model: ScriptedModel;
  let handler: RunHandler;
  let worker: Worker;
  let counted: Map<string, number>;
  let start: TestEngine['start'];
  let wait: TestEngine['wait'];
  let stepsOf: TestEngine['steps'];
  let runOf: TestEngine['run'];
  let eventsOf: TestEngine['events'];

  before(async () => {
    engine = await openTestEngine();
    ({ database, feed, model, handler, worker, counted, start, wait } = engine);
    ({ steps: stepsOf, run: runOf, events: eventsOf } = engine);
  });
  after(() => engine[Symbol.asyncDispose]());

  it('asks the model, calls its tools, shows it the results, and ends with its answer', async () => {
    model.script([
      {
        text: 'I count.',
        calls: [
          { name: 'count_none', input: { key: 'a' } },
          { name: 'count_idempotent', input: { key: 'b' } },
        ],
      },
      { text: 'Counted.' },
    ]);
    const { runId } = await start('count');
    const { result, toolCalls } = await wait(runId);
    assert.deepEqual([result.status, result.result, result.steps], ['completed', 'Counted.', 4]);
    assert.deepEqual(toolCalls, [
      { name: 'count_none', input: { key: 'a' }, output: { key: 'a' } },
      { name: 'count_idempotent', input: { key: 'b' }, output: { key: 'b' } },
    ]);
    const shown = model.requests.at(-1)!;
    assert.equal(shown.system, 'Count.');
    assert.deepEqual(
      shown.messages.map(({ role }) => role),
      ['user', 'assistant', 'tool', 'tool'],
    );
    assert.deepEqual(
      (await stepsOf(runId)).map(({ kind, status, attempt }) => [kind, status, attempt]),
      [
        ['model', 'settled', 1],
        ['tool', 'settled', 1],
        ['tool', 'settled', 1],
        ['model', 'settled', 1],
      ],
    );
    const types = (await eventsOf(runId)).map(({ type }) => type);
    assert.deepEqual(types, [
      'session_start',
      'system',
      'text',
      'usage',
      'tool_call',
      'tool_call',
      'tool_result',
      'tool_result',
      'text',
      'usage',
      'result',
      'session_end',
    ]);
  });

  it('records an audit row for each transition, with the trace', async () => {
    model.script([
      {
        calls: [
          { name: 'count_none', input: { key: 'audit' } },
          { name: 'nobody', input: {} },
        ],
      },
      { text: 'Done.' },
    ]);
    const { runId } = await start('audit');
    await wait(runId);
    const rows = await database.db
      .selectFrom('audit')
      .select(['action', 'trace_id'])
      .where('run_id', '=', runId)
      .orderBy('at')
      .orderBy('id')
      .execute();
    assert.deepEqual(
      rows.map(({ action }) => action),
      [
        'PLAN_START',
        'PLAN_MODEL_RESPONSE',
        'TOOL_CALL',
        'TOOL_CALL',
        'TOOL_RESULT',
        'TOOL_DENIED',
        'PLAN_MODEL_RESPONSE',
        'PLAN_END',
      ],
    );
    assert.ok(rows.every(({ trace_id }) => trace_id === 'trace-1'));
  });

  it('goes on with what was said in the session before', async () => {
    model.script([
      { text: 'I look.', calls: [{ name: 'count_none', input: { key: 's' } }] },
      { text: 'First answer.' },
      { text: 'Second answer.' },
    ]);
    const first = await start('first question');
    await wait(first.runId);
    const second = await start('second question', { worker, sessionId: first.sessionId });
    await engine.finish(second.runId);
    const { messages } = model.requests.at(-1)!;
    assert.deepEqual(
      messages.map((message) => (message.role === 'tool' ? message.output : message.text)),
      ['first question', 'I look.', { key: 's' }, 'First answer.', 'second question'],
    );
  });

  /** Leaves a run as a crash would: its worker says nothing more, and another takes the task. */
  async function crashDuring(act: (runId: string) => Promise<void>, input: string): Promise<string> {
    const doomed = engine.startWorker(`doomed-${input}`, 60_000);
    const { runId } = await start(input, { worker: doomed });
    await act(runId);
    await doomed[Symbol.asyncDispose]();
    await passTime(database, 61_000);
    assert.equal((await worker.runOnce(1)).length, 1);
    return runId;
  }

  it('makes a pending model call again after a crash and tells readers to void what it had streamed', async () => {
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    model.script([{ text: 'Half an ans', hang: true, started: resolve }, { text: 'Whole.' }]);
    const runId = await crashDuring(async (id) => {
      await asked;
      while (!(await eventsOfNow(id)).some(({ type }) => type === 'text'));
    }, 'crash-model');
    const events = await eventsOf(runId);
    const voided = events.find((event) => event.type === 'system' && event.discard_step !== undefined);
    assert.deepEqual(voided?.type === 'system' && voided.phase, 'step_restarted');
    assert.deepEqual([(await runOf(runId))?.status, (await runOf(runId))?.result], ['completed', 'Whole.']);
    assert.deepEqual(
      events.map(({ seq }) => seq),
      events.map((_, index) => index + 1),
    );
    assert.equal((await stepsOf(runId))[0]?.attempt, 2);
  });

  it('repeats a begun call whose repeat does no harm', async () => {
    counted.clear();
    model.script([{ text: 'Done.' }]);
    const { runId } = await start('idempotent', { worker: undefined });
    await leaveBegun(engine, runId, 'count_idempotent', { key: 'y' });
    await worker.runOnce(1);
    assert.equal(counted.get('y'), 1);
    assert.equal((await runOf(runId))?.status, 'completed');
    model.script([]);
  });

  const eventsOfNow = async (runId: string) => {
    const events: RunEvent[] = [];
    const rows = await database.db.selectFrom('events').select(['type']).where('run_id', '=', runId).execute();
    for (const { type } of rows) events.push({ type } as RunEvent);
    return events;
  };

  it('stops at its limit of steps, with a reason that a person understands', async () => {
    model.script(Array.from({ length: 9 }, (_, n) => ({ calls: [{ name: 'count_none', input: { key: `l${n}` } }] })));
    const { runId } = await start('forever');
    await assert.rejects(wait(runId), {
      reason: 'limit_reached',
      message: 'the run needed more than its limit of 8 steps',
    });
    assert.equal((await runOf(runId))?.status, 'failed');
    model.script([]);
  });

  it('ends as failed when the model fails in a request, and is retried when its task came through the queue', async () => {
    model.script([{ error: new ReeveError('upstream_error', 'the provider is down') }]);
    const { runId } = await start('broken');
    await assert.rejects(wait(runId), { reason: 'upstream_error', message: 'the provider is down' });

    model.script([
      { error: new ReeveError('upstream_error', 'the provider is down', { retryAfterMs: 1 }) },
      { text: 'Up again.' },
    ]);
    const task = await createEnqueuer(database, handler, async () => 'counter').task(
      requester,
      TaskInput.parse({ agent_id: 'counter', task_type: 'query', title: 'through the queue' }),
    );
    await worker.runOnce(1);
    await passTime(database, 1_000);
    await worker.runOnce(1);
    const run = await database.db
      .selectFrom('runs')
      .selectAll()
      .where('task_id', '=', task.id)
      .executeTakeFirstOrThrow();
    assert.deepEqual([run.status, run.result, run.input], ['completed', 'Up again.', 'through the queue']);
  });

  it('cancels a model call that is under way, closes its step, and can be retried from there', async () => {
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    model.script([{ text: 'Never ', hang: true, started: resolve }]);
    const { runId, taskId } = await start('cancel me');
    await asked;
    await cancelTask(database, handler, requester, taskId);
    await assert.rejects(wait(runId), { reason: 'cancelled' });
    assert.equal((await runOf(runId))?.status, 'cancelled');
    assert.ok((await stepsOf(runId)).every(({ status }) => status === 'settled'));

    model.script([{ text: 'This time.' }]);
    await retryTask(database, handler, requester, taskId);
    await worker.runOnce(1);
    assert.deepEqual([(await runOf(runId))?.status, (await runOf(runId))?.result], ['completed', 'This time.']);
    assert.equal((await eventsOf(runId)).at(-1)?.type, 'session_end');
  });

  it('cancels a run that waits in the queue, with its events', async () => {
    const { runId, taskId } = await start('waiting', { worker: undefined });
    await cancelTask(database, handler, requester, taskId);
    assert.equal((await runOf(runId))?.status, 'cancelled');
    assert.deepEqual(
      (await eventsOf(runId)).map(({ type }) => type),
      ['session_start', 'system', 'error', 'result', 'session_end'],
    );
    const audit = await database.db
      .selectFrom('audit')
      .select('action')
      .where('run_id', '=', runId)
      .orderBy('at')
      .orderBy('id')
      .execute();
    assert.deepEqual(
      audit.map(({ action }) => action),
      ['PLAN_START', 'PLAN_ERROR', 'PLAN_END'],
    );
  });

  it('ends with its task where that fails for good outside the engine', async () => {
    model.script([{ error: Object.assign(new ReeveError('upstream_error', 'lost'), { code: '57P01' }) }]);
    const input = TaskInput.parse({
      agent_id: 'counter',
      task_type: 'query',
      title: 'the database went away',
      max_attempts: 1,
    });
    const task = await createEnqueuer(database, handler, async () => 'counter').task(requester, input);
    await worker.runOnce(1);
    const { id, status } = await database.db
      .selectFrom('runs')
      .select(['id', 'status'])
      .where('task_id', '=', task.id)
      .executeTakeFirstOrThrow();
    assert.equal(status, 'failed');
    assert.equal((await eventsOf(id)).at(-1)?.type, 'session_end');
    assert.ok((await stepsOf(id)).every((step) => step.status === 'settled'));
  });

  it('keeps what a model says storable: no NUL, and no half of a character split over two deltas', async () => {
    model.script([
      { text: ['a\u0000b', ' x\ud83d', '\ude00y'], calls: [{ name: 'count_none', input: { key: 'n\u0000l \ud83d' } }] },
      { text: 'Done.' },
    ]);
    const { runId } = await start('strange');
    await wait(runId);
    const text = (await eventsOf(runId)).flatMap((event) =>
      event.type === 'text' && event.step === 1 ? event.delta : [],
    );
    assert.equal(text.join(''), 'a\uFFFDb x\u{1F600}y');
    assert.deepEqual((await stepsOf(runId))[1]?.input, { key: 'n\uFFFDl \uFFFD' });
  });

  it('keeps the version of its agent that it began with', async () => {
    model.script([{ text: 'Old.' }]);
    const { runId } = await start('pinned', { worker: undefined });
    await updateAgent(database, requester, 'counter', { system_prompt: 'Changed.' });
    await worker.runOnce(1);
    assert.equal(model.requests.at(-1)?.system, 'Count.');
    assert.equal((await runOf(runId))?.agent_version, 1);
  });

  it('gives a reader that joins late, or from the middle, exactly the events after its number', async () => {
    model.script([{ text: 'Short.' }]);
    const { runId } = await start('late');
    const live = await eventsOf(runId);
    assert.deepEqual(await eventsOf(runId, 3), live.slice(3));
    assert.deepEqual(await eventsOf(runId), live);
    assert.deepEqual(await eventsOf(runId, live.length), [], 'nothing is left, and the stream ends');
    await assert.rejects(feed.follow('other', runId, 0, AbortSignal.timeout(1_000)).next(), { reason: 'not_found' });
  });
});
