import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createAgent, updateAgent } from '@reeve/agents';
import { AgentInput, TaskInput, type RunEvent } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { ReeveError, silentLog } from '@reeve/kit';
import { openSandbox, workspacePath, type Sandbox } from '@reeve/sandbox';
import { cancelTask, createEnqueuer, retryTask, startWorker, type Worker } from '@reeve/tasks';
import { openTestDatabase, passTime, scriptedModel, type ScriptedModel } from '@reeve/testing';
import { createToolRegistry, defineTool, type ToolRegistry } from '@reeve/tools';
import { z } from 'zod';
import { createFeed, type Feed } from './feed.ts';
import { createRunHandler, type RunHandler } from './handler.ts';
import { startRun } from './start.ts';
import { listSteps, selectRun } from './store.ts';
import { waitForRun } from './wait.ts';

const requester = { tenantId: 'default', userId: 'ada', traceId: 'trace-1', requestId: 'request-1' };

describe('the run engine', () => {
  let database: Database;
  let sandbox: Sandbox;
  let directory: string;
  let feed: Feed;
  let model: ScriptedModel;
  let tools: ToolRegistry;
  let handler: RunHandler;
  let worker: Worker;
  const counted = new Map<string, number>();

  before(async () => {
    database = await openTestDatabase();
    directory = await mkdtemp(join(tmpdir(), 'reeve-runs-'));
    sandbox = await openSandbox({ sandboxBackend: 'quickjs' }, silentLog);
    feed = createFeed(database);
    model = scriptedModel();
    const count = (effect: 'none' | 'idempotent' | 'external') =>
      defineTool({
        name: `count_${effect}`,
        description: 'Counts its calls.',
        effect,
        input: z.object({ key: z.string() }),
        timeoutMs: 1_000,
        execute: async ({ key }) => {
          counted.set(key, (counted.get(key) ?? 0) + 1);
          return { status: 'success', result: { key } };
        },
      });
    tools = createToolRegistry({
      sandbox,
      config: { circuitFailureThreshold: 5, circuitResetTimeoutSeconds: 30 },
      log: silentLog,
      tools: [count('none'), count('idempotent'), count('external')],
    });
    handler = createRunHandler({
      database,
      feed,
      models: model,
      tools,
      log: silentLog,
      toolContext: async (run, idempotencyKey, signal) => ({
        tenantId: run.tenantId,
        sessionId: run.sessionId,
        runId: run.id,
        idempotencyKey,
        signal,
        now: () => new Date(),
        workspace: await workspacePath(directory, run.tenantId, run.sessionId),
        memory: { remember: () => Promise.reject(new Error('not used')), recall: () => Promise.resolve([]) },
      }),
    });
    worker = startWorker({
      database,
      handler,
      owner: 'here',
      concurrency: 0,
      leaseMs: 30_000,
      log: silentLog,
      graceMs: 0,
    });
    const agent = AgentInput.parse({
      name: 'Counter',
      slug: 'counter',
      system_prompt: 'Count.',
      tools: ['count_none', 'count_idempotent', 'count_external'],
      limits: { max_steps: 8 },
    });
    await createAgent(database, requester, agent);
  });
  after(async () => {
    await worker[Symbol.asyncDispose]();
    feed[Symbol.dispose]();
    await sandbox[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  const start = (input: string, fields: { worker?: Worker; sessionId?: string } = { worker }) =>
    startRun(
      { database, feed, models: model, handler, worker: fields.worker },
      { requester, door: 'query', agent: 'counter', input, payload: {}, sessionId: fields.sessionId },
    );
  const wait = (runId: string) => waitForRun(feed, 'default', runId, 10_000, new AbortController().signal);
  const stepsOf = async (runId: string) =>
    (await inTenant(database.db, 'default', (tx) => listSteps(tx, 'default', runId, { limit: 100, offset: 0 }))).steps;
  const runOf = (runId: string) => inTenant(database.db, 'default', (tx) => selectRun(tx, 'default', runId));
  const eventsOf = async (runId: string, from = 0) => {
    const events: RunEvent[] = [];
    for await (const event of feed.follow('default', runId, from, AbortSignal.timeout(10_000))) events.push(event);
    return events;
  };

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
    await wait(second.runId);
    const { messages } = model.requests.at(-1)!;
    assert.deepEqual(
      messages.map((message) => (message.role === 'tool' ? message.output : message.text)),
      ['first question', 'I look.', { key: 's' }, 'First answer.', 'second question'],
    );
  });

  /** Leaves a run as a crash would: its worker says nothing more, and another takes the task. */
  async function crashDuring(act: (runId: string) => Promise<void>, input: string): Promise<string> {
    const doomed = startWorker({
      database,
      handler,
      owner: `doomed-${input}`,
      concurrency: 0,
      leaseMs: 60_000,
      log: silentLog,
      graceMs: 0,
    });
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
    assert.equal(events.find((event) => event.type === 'system' && event.discard_step !== undefined)?.type, 'system');
    assert.deepEqual([(await runOf(runId))?.status, (await runOf(runId))?.result], ['completed', 'Whole.']);
    assert.deepEqual(
      events.map(({ seq }) => seq),
      events.map((_, index) => index + 1),
    );
    assert.equal((await stepsOf(runId))[0]?.attempt, 2);
  });

  it('never repeats a call that may have had its effect, and tells the model that its outcome is unknown', async () => {
    counted.clear();
    model.script([{ calls: [{ name: 'count_external', input: { key: 'x' } }] }, { text: 'I see.' }]);
    const { runId } = await start('external', {});
    await database.db.deleteFrom('ready_tasks').execute();
    await leaveBegun(runId, 'count_external', { key: 'x' });
    await worker.runOnce(1);
    assert.equal(counted.get('x'), undefined);
    const tool = (await stepsOf(runId)).find(({ kind }) => kind === 'tool');
    assert.deepEqual([tool?.status, tool?.outcome], ['settled', 'unknown']);
    const told = model.requests.at(-1)!.messages.at(-1);
    assert.ok(told?.role === 'tool' && told.isError && /unknown/.test(JSON.stringify(told.output)));
  });

  it('repeats a begun call whose repeat does no harm', async () => {
    counted.clear();
    model.script([{ text: 'Done.' }]);
    const { runId } = await start('idempotent', {});
    await database.db.deleteFrom('ready_tasks').execute();
    await leaveBegun(runId, 'count_idempotent', { key: 'y' });
    await worker.runOnce(1);
    assert.equal(counted.get('y'), 1);
    assert.equal((await runOf(runId))?.status, 'completed');
    model.script([]);
  });

  /** Puts a run where a crash between the beginning and the end of its first tool call would leave it. */
  async function leaveBegun(runId: string, name: string, input: object): Promise<void> {
    const run = await database.db.selectFrom('runs').selectAll().where('id', '=', runId).executeTakeFirstOrThrow();
    const base = { run_id: runId, tenant_id: 'default', started_at: new Date() };
    const output = JSON.stringify({ text: '', finish: 'tool_calls', toolCalls: [{ id: 'c1', name, input }] });
    await database.db
      .insertInto('steps')
      .values({
        ...base,
        number: 1,
        kind: 'model',
        name: 'scripted',
        tool_call_id: null,
        input: '{}',
        output,
        status: 'settled',
        outcome: 'success',
        attempt: 1,
        ended_at: new Date(),
      })
      .execute();
    await database.db
      .insertInto('steps')
      .values({
        ...base,
        number: 2,
        kind: 'tool',
        name,
        tool_call_id: 'c1',
        input: JSON.stringify(input),
        status: 'pending',
        attempt: 1,
      })
      .execute();
    await database.db
      .insertInto('ready_tasks')
      .values({ tenant_id: 'default', lane: 'assistant', rank: 0, task_id: run.task_id })
      .execute();
    if (model.waiting > 1) model.skip();
  }

  const eventsOfNow = async (runId: string) => {
    const events: RunEvent[] = [];
    const rows = await database.db.selectFrom('events').select(['type']).where('run_id', '=', runId).execute();
    for (const { type } of rows) events.push({ type } as RunEvent);
    return events;
  };

  it('stops at its limit of steps, with a reason that a person understands', async () => {
    model.script(Array.from({ length: 9 }, () => ({ calls: [{ name: 'count_none', input: { key: 'l' } }] })));
    const { runId } = await start('forever');
    await assert.rejects(wait(runId), {
      reason: 'limit_reached',
      message: 'the run needed more than its limit of 8 steps',
    });
    assert.equal((await runOf(runId))?.status, 'failed');
    model.script([]);
  });

  it('ends as failed when the model fails at a door, and the task is tried again when it came through the queue', async () => {
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
    const { runId, taskId } = await start('waiting', {});
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
    const { runId } = await start('pinned', {});
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
