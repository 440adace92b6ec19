// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { TaskInput, type Task } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { silentLog } from '@reeve/kit';
import { openTestDatabase, passTime } from '@reeve/testing';
import { createEnqueuer } from '../queue/enqueue.ts';
import { queueTransaction } from '../queue/queue-transaction.ts';
import { selectTask } from '../queue/store/read.ts';
import { suspendTask } from '../queue/suspend-task.ts';
import type { TaskHandler } from '../queue/task.ts';
import { promoteDue } from './promote.ts';
import { startWorker } from './worker.ts';

const requester = { tenantId: 'default', userId: 'ada', traceId: 'trace-1' };

describe('promotion', { timeout: 60_000 }, () => {
  let database: Database;
  before(async () => void (database = await openTestDatabase()));
  after(() => database[Symbol.asyncDispose]());

  /** Suspends a task in its first attempt: for budget and a minute, or for a decision and until it comes. Completes it in its second. */
  const seen: string[] = [];
  const handler: TaskHandler = {
    async run(claim) {
      const { id, title } = claim.task;
      if (seen.includes(id)) return { status: 'completed', result: null, summary: 'done' };
      seen.push(id);
      const [reason, retryMs] = title === 'budget' ? (['budget', 60_000] as const) : (['approval', undefined] as const);
      await queueTransaction(database, handler, 'default', (tx, effects) =>
        suspendTask(tx, handler, claim, reason, effects, retryMs),
      );
      return null;
    },
    ended: async () => undefined,
  };
  const read = (id: string) => inTenant(database.db, 'default', (tx) => selectTask(tx, 'default', id)) as Promise<Task>;

  it('resumes a suspended task whose time has come, and no other', async () => {
    const enqueue = createEnqueuer(database, handler, async (_, __, agentId) => agentId);
    const [budget, decision] = await enqueue.batch(
      requester,
      ['budget', 'decision'].map((title) => TaskInput.parse({ agent_id: 'ada', task_type: 'query', title })),
    );
    await using worker = startWorker({
      database,
      handler,
      owner: 'w',
      concurrency: 0,
      leaseMs: 30_000,
      log: silentLog,
    });
    await worker.runOnce(10);
    const waiting = async () => [(await read(budget!.id)).waiting_for, (await read(decision!.id)).waiting_for];
    assert.deepEqual(await waiting(), ['budget', 'approval']);
    const nextMs = await promoteDue(database, handler, silentLog);
    assert.ok(nextMs !== null && nextMs > 0 && nextMs <= 60_000, `${nextMs} ms`);
    assert.deepEqual(await waiting(), ['budget', 'approval']);

    await passTime(database, 61_000);
    assert.equal(await promoteDue(database, handler, silentLog), null);
    assert.deepEqual(await waiting(), [null, 'approval']);
    assert.deepEqual(await worker.runOnce(10), [budget!.id]);
    assert.deepEqual([(await read(budget!.id)).status, (await read(budget!.id)).attempts], ['completed', 1]);
    const journal = await database.db
      .selectFrom('journal')
      .select('type')
      .where('task_id', '=', budget!.id)
      .orderBy('xid')
      .orderBy('position')
      .execute();
    assert.deepEqual(
      journal.map(({ type }) => type),
      ['task_created', 'task_started', 'task_parked', 'task_resumed', 'task_ready', 'task_started', 'task_completed'],
    );
  });
});
