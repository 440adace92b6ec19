// runs on: both databases
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TaskInput } from '@reeve/contract';
import type { Database } from '@reeve/db';
import { ReeveError, silentLog, sleep } from '@reeve/kit';
import { openTestDatabase, passTime } from '@reeve/testing';
import { sql } from 'kysely';
import { createEnqueuer } from '../queue/enqueue.ts';
import { drainCompletionOutbox } from '../queue/completion-outbox.ts';
import { sweepLeases } from './sweep.ts';
import type { TaskHandler } from '../queue/task.ts';
import { startWorker } from './worker.ts';

const requester = { tenantId: 'default', userId: 'ada', traceId: 'trace-1' };
const done = { status: 'completed', result: 1, summary: 'done' } as const;
const idle: TaskHandler = { run: async () => done, ended: async () => undefined };

const inputOf = (fields: object = {}) =>
  TaskInput.parse({ agent_id: 'ada', task_type: 'query', title: 'a task', max_attempts: 20, ...fields });
const enqueue = async (database: Database, count: number): Promise<string[]> => {
  const inputs = Array.from({ length: count }, () => inputOf());
  const tasks = await createEnqueuer(database, idle, async (_, __, agentId) => agentId).batch(requester, inputs);
  return tasks.map(({ id }) => id);
};

describe('deliveries', { timeout: 60_000 }, () => {
  it('end each task once when leases are swept while a batch of them completes', async () => {
    await using database = await openTestDatabase();
    for (let round = 0; round < 5; round++) {
      await enqueue(database, 100);
      const attempts: string[] = [];
      const handler: TaskHandler = {
        ...idle,
        run: async ({ task, attempt }) => (attempts.push(`${task.id} ${attempt}`), done),
      };
      const options = { database, handler, concurrency: 0, leaseMs: 60_000, log: silentLog, graceMs: 0 };
      await using worker = startWorker({ ...options, owner: 'w1' });
      await using other = startWorker({ ...options, owner: 'w2' });
      const working = worker.runOnce(100);
      while (
        (await database.db.selectFrom('leases').select('task_id').limit(1).execute()).length === 0 &&
        attempts.length === 0
      );
      await passTime(database, 61_000);
      await Promise.all([
        working,
        sweepLeases(database, handler, silentLog),
        sweepLeases(database, handler, silentLog),
      ]);
      while ((await other.runOnce(100)).length > 0);
      assert.equal(new Set(attempts).size, attempts.length, 'no attempt was made twice');
    }
    const { rows } = await sql<{ endings: number; tasks: number }>`
      select count(*)::int as tasks, sum((select count(*) from journal where task_id = t.id and type = 'task_completed'))::int as endings
      from tasks t where status = 'completed' and not exists (select from leases where task_id = t.id)`.execute(
      database.db,
    );
    assert.deepEqual(rows, [{ endings: 500, tasks: 500 }]);
  });

  it('run each task once when every notification arrives twice, and some without cause', async () => {
    await using database = await openTestDatabase();
    const begun: string[] = [];
    const handler: TaskHandler = { ...idle, run: async ({ task }) => (begun.push(task.id), done) };
    const notify: Database['notify'] = (channel, payload) => {
      for (let n = 0; n < 2; n++) database.notify(channel, payload);
    };
    const loud = { ...database, notify };
    const options = { database: loud, handler, concurrency: 4, leaseMs: 30_000, log: silentLog, graceMs: 1_000 };
    await using _one = startWorker({ ...options, owner: 'one' });
    await using _two = startWorker({ ...options, owner: 'two' });
    const ids: string[] = [];
    for (let n = 0; n < 20; n++) {
      ids.push(...(await enqueue(loud, 5)));
      notify('reeve_tasks', n % 2 ? 'timer' : '');
      notify('reeve_cancels', '01890000-0000-7000-8000-000000000000');
    }
    while (begun.length < ids.length) await sleep(5);
    while ((await database.db.selectFrom('leases').select('task_id').execute()).length > 0) await sleep(5);
    assert.deepEqual(begun.toSorted(), ids.toSorted());
  });

  it('of completions hold up no other when one of them fails', async () => {
    await using database = await openTestDatabase();
    const roots = await enqueue(database, 4);
    const enqueuer = createEnqueuer(database, idle, async (_, __, agentId) => agentId);
    for (const [n, root] of roots.entries())
      await enqueuer.task(requester, inputOf({ title: n === 1 ? 'bad' : 'good', depends_on: [root] }));
    let broken = true;
    const handler: TaskHandler = {
      async run() {
        throw new ReeveError('invalid_request', 'no');
      },
      async ended(_, { title }) {
        if (broken && title === 'bad') throw new Error('it cannot be ended');
      },
    };
    const options = { database, handler, owner: 'w', concurrency: 0, leaseMs: 30_000, log: silentLog, graceMs: 0 };
    await using worker = startWorker(options);
    await worker.runOnce(4);
    await assert.rejects(drainCompletionOutbox(database, handler), { message: 'it cannot be ended' });
    const open = () => database.db.selectFrom('tasks').select('title').where('status', '=', 'pending').execute();
    assert.deepEqual(await open(), [{ title: 'bad' }]);
    broken = false;
    await drainCompletionOutbox(database, handler);
    assert.deepEqual(await open(), []);
  });
});
