// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { TaskInput, type Task } from '@reeve/contract';
import { inTenant, openDatabase, type Database } from '@reeve/db';
import { ReeveError, silentLog, sleep } from '@reeve/kit';
import { createTestDatabase, passTime, testDatabaseKind, type TestDatabase } from '@reeve/testing';
import { ensureTenant } from '@reeve/identity';
import { sql } from 'kysely';
import { cancelTask } from '../queue/change-task.ts';
import { createEnqueuer } from '../queue/enqueue.ts';
import { setLimit } from './limit.ts';
import { drainCompletionOutbox } from '../queue/completion-outbox.ts';
import { mergeCounts } from '../queue/store/count.ts';
import { countTasks, selectTask } from '../queue/store/read.ts';
import { promoteDue } from '../worker/promote.ts';
import type { Outcome, TaskHandler } from '../queue/task.ts';
import { startWorker, type Worker } from '../worker/worker.ts';

const requester = { tenantId: 'default', userId: 'ada', traceId: 'trace-1' };
const done: Outcome = { status: 'completed', result: 1, summary: 'done' };
const check = async (_: unknown, __: string, agentId: string) => agentId;
const handlerOf = (run: TaskHandler['run']): TaskHandler => ({ run, ended: async () => undefined });
const idle = handlerOf(async () => done);
const untilAborted = handlerOf(
  (_, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
);

let place: TestDatabase;
let database: Database;
before(async () => {
  place = await createTestDatabase();
  database = await openDatabase({ ...place, pool: 13, log: silentLog });
  for (const tenant of ['default', 'other']) await ensureTenant(database.db, tenant);
});
after(async () => {
  await database[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});
beforeEach(async () => {
  for (const table of [
    'ready_tasks',
    'waiting_tasks',
    'leases',
    'task_completion_outbox',
    'concurrency_slots',
    'concurrency_limits',
    'tasks',
    'task_counts',
  ] as const)
    await database.db.deleteFrom(table).execute();
});

const fieldsOf = (fields: object) =>
  TaskInput.parse({ agent_id: 'ada', task_type: 'query', title: 'a task', ...fields });
const enqueue = (fields: object = {}, tenantId = 'default') =>
  createEnqueuer(database, idle, check).task({ ...requester, tenantId }, fieldsOf(fields));
const enqueueMany = (count: number, fields: object = {}, tenantId = 'default') =>
  createEnqueuer(database, idle, check).batch(
    { ...requester, tenantId },
    Array.from({ length: count }, () => fieldsOf(fields)),
  );
const read = (id: string) => inTenant(database.db, 'default', (tx) => selectTask(tx, 'default', id)) as Promise<Task>;
const workerOf = (handler: TaskHandler, owner = 'w1', concurrency = 0, on = database): Worker =>
  startWorker({ database: on, handler, owner, concurrency, leaseMs: 30_000, log: silentLog, graceMs: 0 });
async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await sleep(5);
}

/** How often the database had to end a transaction of this test's to let another go on. */
async function countDeadlocks(): Promise<number> {
  const { rows } = await sql<{ deadlocks: number }>`
    select deadlocks from pg_stat_database where datname = current_database()`.execute(database.db);
  return rows[0]!.deadlocks;
}

describe('a concurrency key', { timeout: 60_000 }, () => {
  it('runs tasks in order of priority, and equals in order of arrival', async () => {
    for (const [title, priority] of [
      ['first', 0],
      ['second', 0],
      ['third', 0],
      ['urgent', 5],
    ] as const)
      await enqueue({ title, priority, concurrency_key: 'k' });
    const seen: string[] = [];
    await using worker = workerOf(handlerOf(async ({ task }) => (seen.push(task.title), done)));
    while ((await worker.runOnce(10)).length > 0);
    assert.deepEqual(seen, ['first', 'urgent', 'second', 'third']);
  });

  it('lets as many tasks run as its limit says; the others wait', async () => {
    const tasks = await enqueueMany(5, { concurrency_key: 'k', concurrency_limit: 2 });
    assert.deepEqual(
      tasks.map(({ waiting_for }) => waiting_for),
      [null, null, 'concurrency', 'concurrency', 'concurrency'],
    );
    const other = await enqueue({ concurrency_key: 'k' }, 'other');
    assert.equal(other.waiting_for, null, 'another tenant’s key is another key');
    await using worker = workerOf(idle);
    assert.equal((await worker.runOnce(10)).length, 3);
    assert.equal((await worker.runOnce(10)).length, 2);
    assert.equal((await worker.runOnce(10)).length, 1);
    assert.deepEqual(await database.db.selectFrom('concurrency_slots').selectAll().execute(), []);
  });

  it('refuses a task with a conflict when it is in use and the strategy is `reject`', async () => {
    const first = await enqueue({ concurrency_key: 'k' });
    const refused = { concurrency_key: 'k', concurrency_strategy: 'reject' };
    await assert.rejects(enqueue(refused), {
      reason: 'conflict',
      message: `concurrency_key k is in use by task ${first.id}`,
    });
    await using worker = workerOf(idle);
    await worker.runOnce(1);
    assert.equal((await enqueue(refused)).waiting_for, null);
  });

  it('passes from earlier tasks, running or waiting, to the latest with the strategy `cancel_running`', async () => {
    const latest = { concurrency_key: 'k', concurrency_strategy: 'cancel_running' };
    const running = await enqueue(latest);
    await using worker = workerOf(untilAborted);
    const working = worker.runOnce(1);
    await until(async () => (await read(running.id)).status === 'in_progress');
    const waiting = await enqueue({ concurrency_key: 'k' });
    const last = await enqueue(latest);
    await working;
    assert.deepEqual([(await read(running.id)).status, (await read(waiting.id)).status], ['cancelled', 'cancelled']);
    assert.match((await read(waiting.id)).error_message!, new RegExp(`task ${last.id} took its place`));
    assert.deepEqual([(await read(last.id)).status, (await read(last.id)).waiting_for], ['pending', null]);
  });

  it('stays with a newer task when an older one is retried', async () => {
    const latest = { concurrency_key: 'k', concurrency_strategy: 'cancel_running' };
    const older = await enqueue(latest);
    await using worker = workerOf(
      handlerOf(async () => {
        throw new ReeveError('unavailable', 'later', { retryAfterMs: 60_000 });
      }),
    );
    await worker.runOnce(1);
    const newer = await enqueue(latest);
    await passTime(database, 61_000);
    await promoteDue(database, idle, silentLog);
    assert.equal((await read(newer.id)).status, 'pending');
    assert.equal((await read(older.id)).waiting_for, 'concurrency');
  });

  it('is free again while its task waits for its next attempt', async () => {
    const first = await enqueue({ concurrency_key: 'k' });
    const second = await enqueue({ concurrency_key: 'k' });
    await using failing = workerOf(
      handlerOf(async () => {
        throw new ReeveError('unavailable', 'later', { retryAfterMs: 60_000 });
      }),
    );
    await failing.runOnce(1);
    assert.deepEqual([(await read(first.id)).waiting_for, (await read(second.id)).waiting_for], ['retry', null]);
    await passTime(database, 61_000);
    await promoteDue(database, idle, silentLog);
    assert.equal((await read(first.id)).waiting_for, 'concurrency');
  });

  it('holds when callers and workers of several connections compete, and fails no call', async () => {
    let running = 0;
    let most = 0;
    const counting = handlerOf(async (_, signal) => {
      most = Math.max(most, (running += 1));
      await sleep(2, signal);
      running -= 1;
      if (signal.aborted) throw signal.reason as Error;
      if (Math.random() < 0.3) throw new ReeveError('unavailable', 'again', { retryAfterMs: 1 });
      return done;
    });
    await using _one = workerOf(counting, 'one', 8);
    await using _two = workerOf(counting, 'two', 8);
    const strategies = ['queue', 'cancel_running'] as const;
    await Promise.all(
      Array.from({ length: 6 }, async (_, caller) => {
        for (let n = 0; n < 15; n++) {
          const { id } = await enqueue({
            concurrency_key: 'k',
            concurrency_strategy: strategies[(n + caller) % 2],
            max_attempts: 20,
          });
          if (n % 4 === 0)
            await cancelTask(database, idle, requester, id).catch((error: ReeveError) =>
              assert.equal(error.reason, 'conflict'),
            );
        }
      }),
    );
    await until(async () => {
      await drainCompletionOutbox(database, idle);
      const { open } = await database.db
        .selectFrom('tasks')
        .select(({ fn }) => fn.countAll<number>().as('open'))
        .where('status', '=', 'pending')
        .executeTakeFirstOrThrow();
      return open === 0;
    });
    assert.deepEqual([most, await countDeadlocks()], [1, 0]);
    await until(async () => (await database.db.selectFrom('concurrency_slots').selectAll().execute()).length === 0);
  });
});

describe('waiting tasks', { timeout: 60_000 }, () => {
  it('that are promoted while they are cancelled fail neither operation', async () => {
    for (let round = 0; round < 5; round++) {
      const tasks = await enqueueMany(40, { run_at: new Date(Date.now() + 3_600_000).toISOString() });
      await passTime(database, 3_601_000);
      const work = tasks.map(
        ({ id }) =>
          () =>
            cancelTask(database, idle, requester, id) as Promise<unknown>,
      );
      for (const at of [2, 10, 20]) work.splice(at, 0, () => promoteDue(database, idle, silentLog));
      await Promise.all(work.map((one) => one()));
      for (const { id } of tasks) assert.equal((await read(id)).status, 'cancelled');
    }
    assert.equal(await countDeadlocks(), 0);
  });
});

describe('limits', { timeout: 60_000 }, () => {
  it('hold for a tenant and an agent across processes, and let more tasks start when raised', async () => {
    await setLimit(database, requester, null, 5);
    await setLimit(database, requester, 'ada', 2);
    const running = new Map<string, number>([
      ['ada', 0],
      ['bob', 0],
      ['all', 0],
    ]);
    const most = new Map<string, number>();
    let hold = Promise.withResolvers<void>();
    const handler = handlerOf(async ({ task }) => {
      for (const name of [task.agentId, 'all']) {
        running.set(name, running.get(name)! + 1);
        most.set(name, Math.max(most.get(name) ?? 0, running.get(name)!));
      }
      await hold.promise;
      await sleep(1);
      for (const name of [task.agentId, 'all']) running.set(name, running.get(name)! - 1);
      return done;
    });
    // Databases of their own, as processes have, where there can be more than one.
    const own =
      testDatabaseKind === 'pglite' ? [] : [1, 2].map(() => openDatabase({ ...place, pool: 7, log: silentLog }));
    const databases = [database, ...(await Promise.all(own))];
    await using stack = new AsyncDisposableStack();
    for (const one of databases.slice(1)) stack.use(one);
    for (const [n, one] of databases.entries()) stack.use(workerOf(handler, `w${n}`, 8, one));
    await enqueueMany(60, { agent_id: 'ada' });
    await enqueueMany(60, { agent_id: 'bob' });
    await until(() => running.get('all') === 5);
    assert.ok(running.get('ada')! <= 2);
    await setLimit(database, requester, null, 7);
    await until(() => running.get('all') === 7);
    await setLimit(database, requester, 'ada', null);
    hold.resolve();
    await until(async () => (await countTasks(database.db, 'default')).every(({ status }) => status === 'completed'));
    assert.ok(most.get('all')! <= 7, `at most 7 at once, there were ${most.get('all')}`);
    hold = Promise.withResolvers();
    most.clear();
    await setLimit(database, requester, 'ada', 0);
    const [kept] = await enqueueMany(1, { agent_id: 'ada' });
    await enqueueMany(3, { agent_id: 'bob' });
    await until(() => running.get('bob') === 3);
    assert.deepEqual([(await read(kept!.id)).status, running.get('ada')], ['pending', 0]);
    hold.resolve();
    await setLimit(database, requester, 'ada', 1);
    await until(async () => (await read(kept!.id)).status === 'completed');
  });

  it('of one tenant delay no other tenant, even in a worker with a concurrency of one', async () => {
    await setLimit(database, requester, null, 0);
    await enqueueMany(5);
    const { id } = await enqueue({}, 'other');
    await using worker = workerOf(idle);
    assert.deepEqual(await worker.runOnce(1), [id]);
    assert.deepEqual(await worker.runOnce(1), []);
  });
});

describe('fairness', { timeout: 120_000 }, () => {
  /** Ready tasks by SQL, since a hundred thousand take too long otherwise. */
  const fill = (tenantId: string, count: number) =>
    sql`with made as (
      insert into tasks (id, tenant_id, agent_id, task_type, status, priority, title, payload, max_attempts, trace_id, created_at, updated_at)
      select reeve_new_id(), ${tenantId}, 'ada', 'query', 'pending', 0, 'filled', '{}', 3, 'trace-1', now(), now() from generate_series(1, ${count}::int)
      returning id
    ) insert into ready_tasks (tenant_id, agent_id, rank, task_id) select ${tenantId}, 'ada', reeve_rank(0), id from made`.execute(
      database.db,
    );

  it('starts ten tasks of one tenant within two claims beside the long backlog of another', async () => {
    await fill('default', 100_000);
    const ten = await enqueueMany(10, {}, 'other');
    await using worker = workerOf(idle);
    const claimed = [...(await worker.runOnce(24)), ...(await worker.runOnce(24))];
    assert.equal(claimed.length, 48);
    assert.ok(ten.every(({ id }) => claimed.includes(id)));
  });

  it('gives each of a hundred tenants its turn', async () => {
    const tenants = Array.from({ length: 100 }, (_, n) => `tenant-${n}`);
    for (const tenant of tenants) {
      await ensureTenant(database.db, tenant);
      await fill(tenant, tenant === 'tenant-0' ? 2_000 : 5);
    }
    const counts = new Map<string, number>();
    await using worker = workerOf(
      handlerOf(async ({ task }) => (counts.set(task.tenantId, (counts.get(task.tenantId) ?? 0) + 1), done)),
    );
    for (let round = 0; round < 5; round++) assert.equal((await worker.runOnce(24)).length, 24);
    assert.equal(counts.size, 100, 'after 120 claims everybody had one');
    assert.ok(Math.max(...counts.values()) <= 2);
  });

  it('runs the least urgent task that has waited for hours before the most urgent new one', async () => {
    const old = await enqueue({ priority: -100 });
    await database.db
      .updateTable('ready_tasks')
      .set(({ eb }) => ({ rank: eb('rank', '-', 4 * 3_600_000) }))
      .execute();
    const fresh = await enqueue({ priority: 100 });
    await using worker = workerOf(idle);
    assert.deepEqual(await worker.runOnce(1), [old.id]);
    const less = await enqueue({ priority: 99 });
    assert.deepEqual([await worker.runOnce(1), await worker.runOnce(1)], [[fresh.id], [less.id]]);
  });
});

describe('counts', { timeout: 60_000 }, () => {
  it('stay the same when several processes merge their changes at once', async () => {
    const { id } = await enqueue({ agent_id: 'bob' });
    await enqueueMany(30);
    await using worker = workerOf(idle);
    await worker.runOnce(10);
    await cancelTask(database, idle, requester, id).catch(() => undefined);
    await sql`insert into task_counts select 'default', 'ada', 'query', 'failed', reeve_now() - (n || ' minutes')::interval, case n % 3 when 0 then 1 when 1 then -1 else 1 end
      from generate_series(1, 3000) n`.execute(database.db);
    const before = await countTasks(database.db, 'default');
    const rows = async () => (await database.db.selectFrom('task_counts').select('change').execute()).length;
    assert.ok((await rows()) > 3000);
    await Promise.all([mergeCounts(database.db, 0), mergeCounts(database.db, 0), enqueueMany(7, { agent_id: 'eve' })]);
    assert.ok((await rows()) < 200, `${await rows()} rows`);
    const sorted = (counts: typeof before) => counts.map((count) => JSON.stringify(count)).toSorted();
    const merged = await countTasks(database.db, 'default');
    assert.deepEqual(sorted(merged.filter(({ agentId }) => agentId !== 'eve')), sorted(before));
    assert.equal(merged.find(({ agentId }) => agentId === 'eve')?.count, 7);
  });
});
