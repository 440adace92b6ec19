// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { TaskInput, WorkflowInput } from '@reeve/contract';
import type { Database } from '@reeve/db';
import { ReeveError, silentLog } from '@reeve/kit';
import { openTestDatabase } from '@reeve/testing';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import type { CheckTask } from '../queue/agent-names.ts';
import { createEnqueuer } from '../queue/enqueue.ts';
import { drainCompletionOutbox } from '../queue/completion-outbox.ts';
import type { TaskHandler } from '../queue/task.ts';
import { startWorker } from '../worker/worker.ts';
import { cancelWorkflow, createWorkflow, readWorkflow, requireGraph } from './workflow.ts';

const requester = { tenantId: 'default', userId: 'ada', traceId: 'trace-1' };

/** Fails a task titled so; returns the key of any other, which `create` puts into its description. */
const handler: TaskHandler = {
  async run({ task }) {
    if (task.title === 'fails') throw new ReeveError('invalid_request', `${task.description} went wrong`);
    return { status: 'completed', result: { from: task.description }, summary: 'done' };
  },
  ended: async () => undefined,
};

const check: CheckTask = async (_, __, agentId) => {
  if (agentId !== 'ada')
    throw new ReeveError('unknown_agent', `agent_id: there is no ${agentId}`, {
      details: [{ path: 'agent_id', message: `there is no ${agentId}` }],
    });
  return agentId;
};

describe('workflows', { timeout: 120_000 }, () => {
  let database: Database;
  before(async () => void (database = await openTestDatabase()));
  beforeEach(async () => {
    for (const table of [
      'task_dependencies',
      'ready_tasks',
      'leases',
      'task_completion_outbox',
      'tasks',
      'workflows',
      'journal',
      'audit',
    ] as const)
      await database.db.deleteFrom(table).execute();
  });
  after(() => database[Symbol.asyncDispose]());

  const create = (
    tasks: readonly { key: string; depends_on?: string[]; [field: string]: unknown }[],
    onFailure = 'cancel_dependents',
  ) =>
    createWorkflow(
      database,
      handler,
      check,
      requester,
      WorkflowInput.parse({
        title: 'a workflow',
        on_failure: onFailure,
        tasks: tasks.map((task) => ({
          agent_id: 'ada',
          task_type: 'query',
          title: task.key,
          description: task.key,
          ...task,
        })),
      }),
    );
  const read = (id: string) => readWorkflow(database, 'default', id);
  const statuses = async (id: string) => (await read(id)).tasks.map(({ status }) => status);
  /** Works until nothing is left that can be claimed; answers how many tasks were. */
  async function work(atOnce = 100): Promise<number> {
    const options = { database, handler, owner: 'w', concurrency: 0, leaseMs: 30_000, log: silentLog, graceMs: 0 };
    await using worker = startWorker(options);
    for (let done = 0; ;) {
      const claimed = (await worker.runOnce(atOnce)).length;
      done += claimed;
      if (claimed === 0) return done;
    }
  }

  it('pass the results of completed tasks to their dependents, by key', async () => {
    const { id, tasks } = await create([
      { key: 'left' },
      { key: 'right', payload: { own: 1 } },
      { key: 'both', depends_on: ['left', 'right'], payload: { own: 2 } },
    ]);
    assert.deepEqual(
      tasks.map(({ key, waiting_for }) => `${key} ${waiting_for}`),
      ['left null', 'right null', 'both dependencies'],
    );
    assert.equal(await work(), 3);
    const done = await read(id);
    assert.deepEqual(done.tasks[2]!.payload, {
      own: 2,
      dependencies: { left: { from: 'left' }, right: { from: 'right' } },
    });
    assert.deepEqual([done.status, done.counts], ['completed', { completed: 3 }]);
  });

  it('run a diamond from its top to its bottom', async () => {
    const { id } = await create([
      { key: 'bottom', depends_on: ['left', 'right'] },
      { key: 'left', depends_on: ['top'] },
      { key: 'right', depends_on: ['top'] },
      { key: 'top' },
    ]);
    const begun: string[] = [];
    const noting: TaskHandler = {
      ...handler,
      run: (claim, signal) => (begun.push(claim.task.description!), handler.run(claim, signal)),
    };
    await using worker = startWorker({
      database,
      handler: noting,
      owner: 'w',
      concurrency: 0,
      leaseMs: 30_000,
      log: silentLog,
    });
    while ((await worker.runOnce(10)).length > 0);
    assert.deepEqual([begun[0], begun.slice(1, 3).toSorted(), begun[3]], ['top', ['left', 'right'], 'bottom']);
    assert.equal((await read(id)).status, 'completed');
  });

  it('cancel all direct and indirect dependents of a failed task, and nothing else', async () => {
    const { id } = await create([
      { key: 'root', title: 'fails' },
      { key: 'child', depends_on: ['root'] },
      { key: 'both', depends_on: ['root', 'child'] },
      { key: 'grandchild', depends_on: ['child'] },
      { key: 'beside' },
    ]);
    assert.equal(await work(), 2);
    const done = await read(id);
    assert.deepEqual(await statuses(id), ['failed', 'cancelled', 'cancelled', 'cancelled', 'completed']);
    assert.equal(done.status, 'failed');
    assert.match(done.tasks[1]!.error_message!, /depends on task .* which failed/);
    assert.match(done.tasks[3]!.error_message!, /depends on task .* which was cancelled/);
  });

  it('run the dependents of a failed task with `run_anyway`, and pass them the error', async () => {
    const { id } = await create(
      [{ key: 'good' }, { key: 'bad', title: 'fails' }, { key: 'after', depends_on: ['good', 'bad'] }],
      'run_anyway',
    );
    assert.equal(await work(), 3);
    const done = await read(id);
    assert.deepEqual(await statuses(id), ['completed', 'failed', 'completed']);
    assert.deepEqual(done.tasks[2]!.payload, {
      dependencies: { good: { from: 'good' }, bad: null },
      dependency_errors: { bad: 'bad went wrong' },
    });
  });

  it('walk a chain of a thousand whose first task fails, and of hundreds that complete', async () => {
    const chain = (length: number, title: string) =>
      Array.from({ length }, (_, n) => ({
        key: `k${n}`,
        title: n === 0 ? title : `${n}`,
        depends_on: n === 0 ? [] : [`k${n - 1}`],
      }));
    const failing = await create(chain(1000, 'fails'));
    assert.equal(await work(), 1);
    assert.deepEqual((await read(failing.id)).counts, { failed: 1, cancelled: 999 });
    const { id } = await create(chain(300, 'goes well'));
    assert.equal(await work(), 300);
    assert.deepEqual((await read(id)).counts, { completed: 300 });
  });

  it('spread from one task to five hundred and gather again by hundreds', async () => {
    const leaves = Array.from({ length: 500 }, (_, n) => ({ key: `leaf${n}`, depends_on: ['root'] }));
    const { id } = await create([
      { key: 'root' },
      ...leaves,
      ...[0, 1, 2, 3, 4].map((n) => ({
        key: `join${n}`,
        depends_on: leaves.slice(n * 100, n * 100 + 100).map(({ key }) => key),
      })),
    ]);
    assert.equal(await work(), 506);
    const done = await read(id);
    assert.deepEqual(done.counts, { completed: 506 });
    assert.equal(Object.keys((done.tasks[505]!.payload as { dependencies: object }).dependencies).length, 100);
  });

  it('are created as a whole or not at all', async () => {
    await assert.rejects(create([{ key: 'one' }, { key: 'two', agent_id: 'nobody' }]), (error: ReeveError) => {
      assert.deepEqual([error.reason, error.details[0]?.path], ['unknown_agent', 'tasks.1.agent_id']);
      return true;
    });
    await assert.rejects(
      create([
        { key: 'one', payload: { dependencies: 1 } },
        { key: 'two', depends_on: ['one'], payload: { dependencies: 1 } },
      ]),
      {
        reason: 'invalid_request',
        message: /^tasks\.1\.payload/,
      },
    );
    for (const table of ['tasks', 'workflows', 'task_dependencies', 'journal', 'audit'] as const)
      assert.deepEqual(await database.db.selectFrom(table).selectAll().execute(), [], table);
  });

  it('are cancelled as a whole, once', async () => {
    const { id } = await create([
      { key: 'a' },
      { key: 'b', depends_on: ['a'] },
      { key: 'c', depends_on: ['b'] },
      { key: 'd' },
    ]);
    const cancelled = await cancelWorkflow(database, handler, requester, id);
    assert.deepEqual(
      cancelled.tasks.map(({ status, error_message }) => `${status}: ${error_message}`),
      Array.from({ length: 4 }, () => 'cancelled: cancelled by ada'),
    );
    await assert.rejects(cancelWorkflow(database, handler, requester, id), { reason: 'conflict' });
    await assert.rejects(cancelWorkflow(database, handler, { ...requester, tenantId: 'other' }, id), {
      reason: 'not_found',
    });
    assert.equal(await work(), 0);
  });

  it('have their outbox drained by the first process that looks, when the one that ended a task died', async () => {
    const { id } = await create([
      { key: 'a' },
      { key: 'b' },
      { key: 'c', depends_on: ['a', 'b'] },
      { key: 'd', depends_on: ['c'] },
    ]);
    const { tasks } = await read(id);
    for (const task of tasks.slice(0, 2)) {
      // What a process that was killed after its commit leaves.
      await database.db.deleteFrom('ready_tasks').where('task_id', '=', task.id).execute();
      await database.db
        .updateTable('tasks')
        .set({ status: 'completed', result: '1' })
        .where('id', '=', task.id)
        .execute();
      await database.db
        .insertInto('task_completion_outbox')
        .values({ task_id: task.id, tenant_id: 'default' })
        .execute();
    }
    await Promise.all(Array.from({ length: 4 }, () => drainCompletionOutbox(database, handler)));
    assert.deepEqual(await database.db.selectFrom('task_completion_outbox').selectAll().execute(), []);
    const ready = await database.db.selectFrom('ready_tasks').select('task_id').execute();
    assert.deepEqual(
      ready.map(({ task_id }) => task_id),
      [tasks[2]!.id],
    );
    assert.equal(await work(), 2);
  });
});

describe('the check of a graph', () => {
  const reasonOf = (tasks: readonly { key: string; depends_on: string[] }[]) => {
    try {
      requireGraph(tasks);
      return undefined;
    } catch (error) {
      assert.ok(error instanceof ReeveError);
      assert.equal(error.reason, 'invalid_request');
      return error;
    }
  };

  it('names a duplicate key, an unknown key and a cycle', () => {
    assert.match(
      reasonOf([
        { key: 'a', depends_on: [] },
        { key: 'a', depends_on: [] },
      ])!.message,
      /^tasks\.1\.key: a is there twice/,
    );
    assert.match(
      reasonOf([
        { key: 'a', depends_on: [] },
        { key: 'b', depends_on: ['a', 'c'] },
      ])!.message,
      /^tasks\.1\.depends_on\.1: c is not/,
    );
    assert.match(reasonOf([{ key: 'a', depends_on: ['a'] }])!.message, /a → a$/);
    const cycle = [
      ['a', 'c'],
      ['b', 'a'],
      ['c', 'b'],
      ['d', 'a'],
    ].map(([key, on]) => ({ key: key!, depends_on: [on!] }));
    assert.match(reasonOf(cycle)!.message, /these wait for each other: (a → c → b → a|b → a → c → b|c → b → a → c)$/);
  });

  it('agrees with repeatedly removing the tasks that wait for nothing', () => {
    const graphs = fc
      .integer({ min: 1, max: 12 })
      .chain((size) => fc.array(fc.array(fc.nat(size - 1), { maxLength: 2 }), { minLength: size, maxLength: size }));
    fc.assert(
      fc.property(graphs, (edges) => {
        const tasks = edges.map((targets, n) => ({ key: `k${n}`, depends_on: targets.map((target) => `k${target}`) }));
        const left = new Map(tasks.map(({ key, depends_on }) => [key, new Set(depends_on)]));
        for (let size = -1; size !== left.size;) {
          size = left.size;
          for (const [key, dependsOn] of left)
            if (![...dependsOn].some((dependency) => left.has(dependency))) left.delete(key);
        }
        const error = reasonOf(tasks);
        assert.equal(error !== undefined, left.size > 0);
        if (error === undefined) return;
        const named = error.message.split(': ')[2]!.split(' → ');
        assert.equal(named[0], named.at(-1));
        for (const [n, key] of named.slice(0, -1).entries())
          assert.ok(
            tasks.find((task) => task.key === key)!.depends_on.includes(named[n + 1]!),
            `${key} waits for ${named[n + 1]}`,
          );
      }),
      cases(2_000),
    );
  });
});

describe('a batch', () => {
  let database: Database;
  before(async () => void (database = await openTestDatabase()));
  after(() => database[Symbol.asyncDispose]());
  const inputs = (changed: Record<number, object>) =>
    Array.from({ length: 5 }, (_, n) =>
      TaskInput.parse({ agent_id: 'ada', task_type: 'query', title: `${n}`, ...changed[n] }),
    );

  it('is created as a whole, or not at all with the invalid task named', async () => {
    const enqueue = createEnqueuer(database, handler, check);
    const missing = '01890000-0000-7000-8000-000000000000';
    for (const [bad, path] of [
      [{ agent_id: 'nobody' }, 'tasks.3.agent_id'],
      [{ depends_on: [missing] }, 'tasks.3.depends_on'],
    ] as const)
      await assert.rejects(enqueue.batch(requester, inputs({ 3: bad })), (error: ReeveError) => {
        assert.equal(error.details[0]?.path, path);
        assert.match(error.message, /^tasks\.3/);
        return true;
      });
    assert.deepEqual(await database.db.selectFrom('tasks').select('id').execute(), []);
    assert.deepEqual(await database.db.selectFrom('ready_tasks').select('task_id').execute(), []);
    const tasks = await enqueue.batch(requester, inputs({}));
    assert.deepEqual(
      tasks.map(({ title }) => title),
      ['0', '1', '2', '3', '4'],
    );
    assert.equal((await database.db.selectFrom('ready_tasks').select('task_id').execute()).length, 5);
    assert.equal((await database.db.selectFrom('audit').select('id').execute()).length, 1, 'one call, one audit entry');
  });

  it('of one task names the invalid task too', async () => {
    const enqueue = createEnqueuer(database, handler, check);
    await assert.rejects(
      enqueue.batch(requester, inputs({ 0: { agent_id: 'nobody' } }).slice(0, 1)),
      (error: ReeveError) => {
        assert.equal(error.details[0]?.path, 'tasks.0.agent_id');
        return true;
      },
    );
  });
});
