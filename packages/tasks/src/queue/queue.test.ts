// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { TaskInput, type Task } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { ReeveError, silentLog, sleep } from '@reeve/kit';
import { openTestDatabase, passTime } from '@reeve/testing';
import { cancelTask, retryTask } from './change-task.ts';
import { requireLease, settleTask } from './end-task.ts';
import { queueTransaction } from './queue-transaction.ts';
import { createEnqueuer } from './enqueue.ts';
import { insertTask } from './insert-task.ts';
import { lockTasks } from './store/lock.ts';
import { selectTask } from './store/read.ts';
import { sweepLeases } from '../worker/sweep.ts';
import type { Claim, Outcome, TaskHandler } from './task.ts';
import { startWorker } from '../worker/worker.ts';

const requester = { tenantId: 'default', userId: 'ada', traceId: 'trace-1' };
const input = (fields: object = {}) =>
  TaskInput.parse({ agent_id: 'assistant', task_type: 'query', title: 'a task', ...fields });
const done: Outcome = { status: 'completed', result: { n: 1 }, summary: 'done' };

function handlerOf(run: TaskHandler['run']): TaskHandler & { ends: string[] } {
  const ends: string[] = [];
  return {
    run,
    ends,
    ended: async (_, task, error, status) => void ends.push(`${task.title}: ${status}: ${error.message}`),
  };
}

describe('the queue', () => {
  let database: Database;
  const idle = handlerOf(async () => done);
  const untilAborted = handlerOf(
    (_, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
  );
  const enqueue = (fields: object = {}) =>
    createEnqueuer(database, idle, async (_, __, agentId) => agentId).task(requester, input(fields));
  const read = (id: string) => inTenant(database.db, 'default', (tx) => selectTask(tx, 'default', id)) as Promise<Task>;
  const workerOf = (handler: TaskHandler, owner = 'w1', leaseMs = 30_000) =>
    startWorker({ database, handler, owner, concurrency: 0, leaseMs, log: silentLog, graceMs: 0 });

  before(async () => void (database = await openTestDatabase()));
  beforeEach(async () => {
    for (const table of ['ready_tasks', 'waiting_tasks', 'task_dependencies', 'leases', 'tasks'] as const)
      await database.db.deleteFrom(table).execute();
  });
  after(() => database[Symbol.asyncDispose]());

  it('runs the highest priority first, and among equals the oldest', async () => {
    const seen: string[] = [];
    const handler = handlerOf(async ({ task }) => (seen.push(task.title), done));
    for (const [title, priority] of [
      ['low', -5],
      ['first', 0],
      ['second', 0],
      ['high', 7],
    ] as const)
      await enqueue({ title, priority });
    await using worker = workerOf(handler);
    for (let i = 0; i < 4; i++) await worker.runOnce(1);
    assert.deepEqual(seen, ['high', 'first', 'second', 'low']);
  });

  it('shows a claimed task as in progress and a settled one with its result', async () => {
    const { promise: goOn, resolve } = Promise.withResolvers<void>();
    const { id } = await enqueue();
    assert.equal((await read(id)).status, 'pending');
    await using worker = workerOf(handlerOf(async () => (await goOn, done)));
    const running = worker.runOnce(1);
    while ((await read(id)).status === 'pending') await new Promise((next) => setTimeout(next, 5));
    assert.equal((await read(id)).status, 'in_progress');
    resolve();
    await running;
    const task = await read(id);
    assert.deepEqual(
      [task.status, task.result, task.result_summary, task.attempts],
      ['completed', { n: 1 }, 'done', 1],
    );
    assert.ok(task.started_at !== null && task.completed_at !== null);
  });

  it('gives no task to two workers', async () => {
    const seen: string[] = [];
    const handler = handlerOf(async ({ task }) => (seen.push(task.id), done));
    for (let i = 0; i < 40; i++) await enqueue();
    await using one = workerOf(handler, 'one');
    await using two = workerOf(handler, 'two');
    await Promise.all([one.runOnce(30), two.runOnce(30)]);
    assert.equal(seen.length, 40);
    assert.equal(new Set(seen).size, 40);
  });

  it('retries a retryable failure after a delay, and fails the task after the last attempt', async () => {
    const handler = handlerOf(async () => {
      throw new ReeveError('unavailable', 'the sun went out', { retryAfterMs: 60_000 });
    });
    const { id } = await enqueue({ max_attempts: 2 });
    await using worker = workerOf(handler);
    await worker.runOnce(5);
    const waiting = await read(id);
    assert.deepEqual(
      [waiting.status, waiting.waiting_for, waiting.attempts, waiting.error_message],
      ['pending', 'retry', 1, 'the sun went out'],
    );
    assert.deepEqual(await worker.runOnce(5), []);
    await passTime(database, 61_000);
    await worker.runOnce(5);
    const failed = await read(id);
    assert.deepEqual([failed.status, failed.attempts, failed.error_code], ['failed', 2, 'unavailable']);
  });

  it('does not retry a failure that is not retryable', async () => {
    const handler = handlerOf(async () => {
      throw new ReeveError('invalid_request', 'nonsense');
    });
    const { id } = await enqueue();
    await using worker = workerOf(handler);
    await worker.runOnce(1);
    assert.deepEqual([(await read(id)).status, (await read(id)).attempts], ['failed', 1]);
  });

  it('holds a task until its time', async () => {
    const { id } = await enqueue({ run_at: new Date(Date.now() + 3_600_000).toISOString() });
    await using worker = workerOf(handlerOf(async () => done));
    assert.deepEqual(await worker.runOnce(1), []);
    assert.equal((await read(id)).waiting_for, 'schedule');
    await passTime(database, 3_601_000);
    assert.deepEqual(await worker.runOnce(1), [id]);
  });

  it('takes a task back from a silent worker and refuses that worker’s later writes', async () => {
    const { id } = await enqueue();
    const handler = handlerOf(async () => done);
    const { promise: claimed, resolve } = Promise.withResolvers<Claim>();
    await using first = workerOf(
      handlerOf((claim) => (resolve(claim), new Promise(() => undefined))),
      'first',
      60_000,
    );
    void first.runOnce(1);
    const late = await claimed;
    await passTime(database, 61_000);
    assert.equal(await sweepLeases(database, handler, silentLog), 1);
    await using second = workerOf(handler, 'second');
    assert.deepEqual(await second.runOnce(1), [id]);
    await assert.rejects(
      queueTransaction(database, null, 'default', (tx, effects) => settleTask(tx, late, done, effects)),
      { reason: 'lease_lost' },
    );
    await assert.rejects(
      inTenant(database.db, 'default', (tx) => requireLease(tx, late)),
      { reason: 'lease_lost' },
    );
    assert.equal((await read(id)).attempts, 2);
  });

  it('fails a task that lost its worker in every attempt, and calls the handler’s `ended`', async () => {
    const handler = handlerOf(async () => done);
    const { taskId } = await queueTransaction(database, handler, 'default', (tx, effects) =>
      insertTask(tx, handler, requester, input({ max_attempts: 1 }), { owner: 'gone', leaseMs: 1_000 }, effects),
    );
    await passTime(database, 2_000);
    await sweepLeases(database, handler, silentLog);
    assert.deepEqual([(await read(taskId)).status, (await read(taskId)).error_code], ['failed', 'unavailable']);
    assert.deepEqual(handler.ends, ['a task: failed: the worker stopped without a word, 1 times']);
  });

  it('cancels a waiting task at once and asks a running one to stop', async () => {
    const waiting = await enqueue({ title: 'waiting' });
    const handler = handlerOf(
      (_, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    );
    assert.equal((await cancelTask(database, handler, requester, waiting.id)).status, 'cancelled');
    assert.deepEqual(handler.ends, ['waiting: cancelled: cancelled by ada']);
    await assert.rejects(cancelTask(database, handler, requester, waiting.id), { reason: 'conflict' });

    const { id } = await enqueue();
    await using worker = workerOf(handler);
    const running = worker.runOnce(1);
    while ((await read(id)).status !== 'in_progress') await new Promise((next) => setTimeout(next, 5));
    await cancelTask(database, handler, requester, id);
    await running;
    assert.equal((await read(id)).status, 'cancelled');
  });

  it('never completes a task that was cancelled while it was claimed', { timeout: 20_000 }, async () => {
    const handler = handlerOf(
      (_, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    );
    for (let n = 0; n < 20; n++) {
      const { id } = await enqueue({ title: `${n}` });
      await using worker = workerOf(handler);
      const working = worker.runOnce(1);
      await cancelTask(database, handler, requester, id);
      await working;
      assert.equal((await read(id)).status, 'cancelled');
      assert.equal(await database.db.selectFrom('ready_tasks').select('task_id').executeTakeFirst(), undefined);
    }
  });

  it('honors a cancellation that came just before the attempt failed', async () => {
    const { promise: failNow, resolve } = Promise.withResolvers<void>();
    const { id } = await enqueue();
    const handler = handlerOf(async () => {
      await failNow;
      throw new ReeveError('unavailable', 'the sun went out');
    });
    await using worker = workerOf(handler);
    const working = worker.runOnce(1);
    while ((await read(id)).status !== 'in_progress') await new Promise((next) => setTimeout(next, 5));
    await database.db.updateTable('tasks').set({ cancel_requested: true }).where('id', '=', id).execute();
    resolve();
    await working;
    assert.equal((await read(id)).status, 'cancelled');
  });

  it('refuses to retry a task whose dependency failed', async () => {
    const root = await enqueue({ max_attempts: 1 });
    const child = await enqueue({ depends_on: [root.id] });
    let fail = true;
    const handler = handlerOf(async () => {
      if (fail) throw new ReeveError('invalid_request', 'no');
      return done;
    });
    await using worker = workerOf(handler);
    await worker.runOnce(1);
    await assert.rejects(retryTask(database, idle, requester, child.id), { reason: 'conflict' });
    fail = false;
    await retryTask(database, idle, requester, root.id);
    assert.equal((await retryTask(database, idle, requester, child.id)).waiting_for, 'dependencies');
    await worker.runOnce(5);
    await worker.runOnce(5);
    assert.deepEqual([(await read(root.id)).status, (await read(child.id)).status], ['completed', 'completed']);
  });

  it('retries an ended task, and no other', async () => {
    let fail = true;
    const handler = handlerOf(async () => {
      if (fail) throw new ReeveError('invalid_request', 'not yet');
      return done;
    });
    const { id } = await enqueue();
    await assert.rejects(retryTask(database, idle, requester, id), { reason: 'conflict' });
    await using worker = workerOf(handler);
    await worker.runOnce(1);
    fail = false;
    assert.equal((await retryTask(database, idle, requester, id)).status, 'pending');
    await worker.runOnce(1);
    assert.equal((await read(id)).status, 'completed');
  });

  it('starts a dependent when its last dependency has completed', async () => {
    const one = await enqueue({ title: 'one' });
    const two = await enqueue({ title: 'two' });
    const last = await enqueue({ title: 'last', priority: 100, depends_on: [one.id, two.id, one.id] });
    assert.equal(last.waiting_for, 'dependencies');
    const seen: string[] = [];
    await using worker = workerOf(handlerOf(async ({ task }) => (seen.push(task.title), done)));
    await worker.runOnce(1);
    assert.equal((await read(last.id)).waiting_for, 'dependencies');
    while ((await worker.runOnce(1)).length > 0);
    assert.deepEqual(seen, ['one', 'two', 'last']);
  });

  it('cancels direct and indirect dependents of a failed task', async () => {
    const root = await enqueue({ title: 'root', max_attempts: 1 });
    const child = await enqueue({ title: 'child', depends_on: [root.id] });
    const grandchild = await enqueue({ title: 'grandchild', depends_on: [child.id] });
    await using worker = workerOf(
      handlerOf(async () => {
        throw new ReeveError('invalid_request', 'no');
      }),
    );
    await worker.runOnce(5);
    assert.deepEqual([(await read(child.id)).status, (await read(grandchild.id)).status], ['cancelled', 'cancelled']);
    await assert.rejects(enqueue({ depends_on: [child.id] }), { reason: 'invalid_request' });
  });

  it('hides a task from another tenant', async () => {
    const { id } = await enqueue();
    assert.equal(await inTenant(database.db, 'other', (tx) => selectTask(tx, 'other', id)), undefined);
    assert.equal(await inTenant(database.db, 'other', (tx) => selectTask(tx, 'default', id)), undefined);
    await assert.rejects(
      cancelTask(
        database,
        handlerOf(async () => done),
        { ...requester, tenantId: 'other' },
        id,
      ),
      { reason: 'not_found' },
    );
  });

  it('gets tasks back from a stopping worker without counting the attempt, and has them claimed again at once', async () => {
    const { id } = await enqueue({ max_attempts: 1 });
    const untilAborted = handlerOf(
      (_, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    );
    const stopping = workerOf(untilAborted, 'stopping');
    const working = stopping.runOnce(1);
    while ((await read(id)).status !== 'in_progress') await new Promise((next) => setTimeout(next, 5));
    await stopping[Symbol.asyncDispose]();
    await working;
    assert.deepEqual([(await read(id)).status, (await read(id)).attempts], ['pending', 0]);
    await using next = workerOf(
      handlerOf(async () => done),
      'next',
    );
    assert.deepEqual(await next.runOnce(1), [id]);
    assert.equal((await read(id)).status, 'completed');
  });

  it('keeps no lease of a worker that stops during a claim', { timeout: 60_000 }, async () => {
    for (let n = 0; n < 30; n++) await enqueue({ max_attempts: 1 });
    for (let n = 0; n < 8; n++) {
      const worker = startWorker({
        database,
        handler: untilAborted,
        owner: `stopping ${n}`,
        concurrency: 3,
        prefetch: 20,
        leaseMs: 30_000,
        log: silentLog,
        graceMs: 0,
      });
      for (let turn = 0; turn < n * 4; turn++) await new Promise((next) => setImmediate(next));
      await worker[Symbol.asyncDispose]();
      assert.deepEqual(await database.db.selectFrom('leases').selectAll().execute(), []);
    }
    assert.equal((await database.db.selectFrom('ready_tasks').select('task_id').execute()).length, 30);
  });

  it('begins no task that lost its workers before the end of the last such one is written', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 12; n++) ids.push((await enqueue({ max_attempts: 3 })).id);
    await using silent = startWorker({
      database,
      handler: untilAborted,
      owner: 'silent',
      concurrency: 12,
      leaseMs: 60_000,
      log: silentLog,
      graceMs: 0,
    });
    while (silent.running < 12) await new Promise((next) => setTimeout(next, 5));
    await passTime(database, 61_000);
    await database.db.updateTable('tasks').set({ lost_attempts: 1 }).execute();
    assert.equal(await sweepLeases(database, idle, silentLog), 12);

    const together: number[] = [];
    const locks: Promise<void>[] = [];
    const counting = handlerOf(async ({ task }) => {
      together.push((await database.db.selectFrom('leases').select('task_id').execute()).length);
      // Its end cannot be written for a while.
      const locked = Promise.withResolvers<void>();
      locks.push(
        database.db.transaction().execute(async (tx) => {
          await lockTasks(tx, [task.id]);
          locked.resolve();
          await sleep(20);
        }),
      );
      await locked.promise;
      return done;
    });
    await using _worker = startWorker({
      database,
      handler: counting,
      owner: 'bg',
      concurrency: 4,
      prefetch: 4,
      leaseMs: 60_000,
      log: silentLog,
    });
    for (const id of ids)
      while ((await read(id)).status !== 'completed') await new Promise((next) => setTimeout(next, 5));
    assert.deepEqual(
      together,
      ids.map(() => 1),
    );
    await Promise.all(locks);
  });

  it('wakes a worker on enqueue, which settles in the background', async () => {
    const handler = handlerOf(async () => done);
    await using worker = startWorker({
      database,
      handler,
      owner: 'bg',
      concurrency: 2,
      leaseMs: 30_000,
      log: silentLog,
    });
    const startedAt = performance.now();
    const { id } = await enqueue();
    while ((await read(id)).status !== 'completed') await new Promise((next) => setTimeout(next, 5));
    assert.ok(performance.now() - startedAt < 4_000, 'before the poll would have found it');
    assert.equal(worker.running, 0);
  });
});
