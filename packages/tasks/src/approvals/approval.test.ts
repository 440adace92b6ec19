// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { TaskInput, type Approval, type Task } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { silentLog, type ReeveError } from '@reeve/kit';
import { openTestDatabase, passTime } from '@reeve/testing';
import { decideApproval, decideOverdue, decideTask } from './approval.ts';
import { cancelTask, retryTask } from '../queue/change-task.ts';
import { createEnqueuer } from '../queue/enqueue.ts';
import { setPolicy } from './policy.ts';
import { selectApprovalOfTask } from './store.ts';
import { selectTask } from '../queue/store/read.ts';
import type { TaskHandler } from '../queue/task.ts';
import { startWorker } from '../worker/worker.ts';

const requester = { tenantId: 'default', userId: 'ada', traceId: 'trace-1' };
const handler: TaskHandler = {
  run: async () => ({ status: 'completed', result: 1, summary: 'done' }),
  ended: async () => undefined,
};

describe('approvals', () => {
  let database: Database;
  before(async () => void (database = await openTestDatabase()));
  beforeEach(async () => {
    for (const table of ['approvals', 'task_policies', 'ready_tasks', 'leases', 'tasks'] as const)
      await database.db.deleteFrom(table).execute();
  });
  after(() => database[Symbol.asyncDispose]());

  const enqueue = (fields: object = {}, tenantId = 'default') =>
    createEnqueuer(database, handler, async (_, __, agentId) => agentId).task(
      { ...requester, tenantId },
      TaskInput.parse({ agent_id: 'ada', task_type: 'deploy', title: 'ship it', ...fields }),
    );
  const rule = (
    tenant: string | null,
    auto: boolean,
    expiresAfterS?: number,
    fallback: 'approve' | 'reject' = 'reject',
  ) =>
    setPolicy(database, requester, {
      task_type: 'deploy',
      auto_execute: auto,
      tenant,
      expires_after_s: expiresAfterS,
      default_decision: fallback,
    });
  const read = (id: string) => inTenant(database.db, 'default', (tx) => selectTask(tx, 'default', id)) as Promise<Task>;
  const approvalOf = (id: string) =>
    inTenant(database.db, 'default', (tx) => selectApprovalOfTask(tx, 'default', id)) as Promise<Approval>;
  const decide = (id: string, decision: 'approve' | 'reject', reason: string | null = null, userId = 'ada') =>
    decideTask(database, handler, { ...requester, userId }, id, decision, reason);
  async function work(): Promise<number> {
    const options = { database, handler, owner: 'w', concurrency: 0, leaseMs: 30_000, log: silentLog, graceMs: 0 };
    await using worker = startWorker(options);
    return (await worker.runOnce(100)).length;
  }

  it('are requested by the tenant’s policy, else the global one, else not at all', async () => {
    assert.equal((await enqueue()).waiting_for, null);
    await rule(null, false);
    assert.equal((await enqueue()).waiting_for, 'approval');
    assert.equal((await enqueue({}, 'other')).waiting_for, 'approval');
    await rule('default', true);
    assert.equal((await enqueue()).waiting_for, null);
    assert.equal((await enqueue({}, 'other')).waiting_for, 'approval');
    assert.equal((await enqueue({ task_type: 'query' }, 'other')).waiting_for, null, 'another type');
    await rule(null, true);
    await rule('default', false);
    assert.equal((await enqueue()).waiting_for, 'approval');
    assert.equal((await enqueue({}, 'other')).waiting_for, null);
  });

  it('are requested by the task itself, whatever the policy says', async () => {
    await rule('default', true);
    const task = await enqueue({ requires_approval: true });
    assert.deepEqual([task.waiting_for, task.requires_approval], ['approval', true]);
  });

  it('hold a task back until it is approved, and show who decided, when and why', async () => {
    const { id } = await enqueue({ requires_approval: true });
    assert.equal(await work(), 0);
    const { task, approval } = await decide(id, 'approve', 'looks fine', 'grace');
    assert.deepEqual(
      [task.waiting_for, task.approved_by_user_id, task.decision_reason, approval.status, approval.decided_by],
      [null, 'grace', 'looks fine', 'approved', 'grace'],
    );
    assert.ok(task.approved_at !== null && task.rejected_at === null);
    assert.equal(await work(), 1);
    assert.equal((await read(id)).status, 'completed');
  });

  it('leave a rejected task failed, with the reason', async () => {
    const { id } = await enqueue({ requires_approval: true });
    const { task } = await decide(id, 'reject', 'not on a Friday');
    assert.deepEqual(
      [task.status, task.error_code, task.error_message, task.rejected_by_user_id, task.decision_reason],
      ['failed', 'rejected', 'rejected by ada: not on a Friday', 'ada', 'not on a Friday'],
    );
    assert.equal(await work(), 0);
  });

  it('are decided once', async () => {
    const { id } = await enqueue({ requires_approval: true });
    const { approval } = await decide(id, 'approve');
    await assert.rejects(decide(id, 'reject'), { reason: 'conflict', message: 'it is approved already by ada' });
    await assert.rejects(decideApproval(database, handler, requester, approval.id, { decision: 'approve' }, null), {
      reason: 'conflict',
    });
    assert.equal((await read(id)).status, 'pending');
  });

  it('take one of two concurrent decisions', async () => {
    for (let n = 0; n < 10; n++) {
      const { id } = await enqueue({ requires_approval: true });
      const both = await Promise.allSettled([decide(id, 'approve', null, 'ada'), decide(id, 'reject', null, 'grace')]);
      const won = both.filter(({ status }) => status === 'fulfilled');
      assert.equal(won.length, 1);
      for (const one of both)
        if (one.status === 'rejected') assert.equal((one.reason as ReeveError).reason, 'conflict');
      const { status, decided_by } = await approvalOf(id);
      assert.equal(
        `${status} by ${decided_by}`,
        both[0].status === 'fulfilled' ? 'approved by ada' : 'rejected by grace',
      );
      assert.equal((await read(id)).status, both[0].status === 'fulfilled' ? 'pending' : 'failed');
    }
  });

  for (const fallback of ['approve', 'reject'] as const)
    it(`carry out their default, ${fallback}, where a decision comes too late`, async () => {
      await rule('default', false, 60, fallback);
      const { id } = await enqueue();
      await passTime(database, 61_000);
      const message = new RegExp(`ran out, so it was ${fallback === 'approve' ? 'approved' : 'rejected'} by default`);
      await assert.rejects(decide(id, fallback === 'approve' ? 'reject' : 'approve'), { reason: 'conflict', message });
      const approval = await approvalOf(id);
      assert.deepEqual([approval.decided_by, approval.reason], ['system', 'the approval expired without a decision']);
      assert.equal((await read(id)).status, fallback === 'approve' ? 'pending' : 'failed');
      assert.equal(await work(), fallback === 'approve' ? 1 : 0);
      await assert.rejects(decide(id, fallback), { reason: 'conflict' });
    });

  it('expire with their own defaults, by any number of processes at once', async () => {
    await rule('default', false, 60, 'approve');
    const yes = await enqueue();
    await rule('default', false, 60, 'reject');
    const no = await enqueue();
    await rule('default', false, 600);
    const later = await enqueue();
    assert.equal(await decideOverdue(database, handler, silentLog), 0);
    await passTime(database, 61_000);
    const counts = await Promise.all([
      decideOverdue(database, handler, silentLog),
      decideOverdue(database, handler, silentLog),
    ]);
    assert.equal(counts[0] + counts[1], 2);
    const found = await Promise.all([yes, no, later].map(({ id }) => read(id)));
    assert.deepEqual(
      found.map(({ status, waiting_for, error_message }) => [status, waiting_for, error_message]),
      [
        ['pending', null, null],
        ['failed', null, 'rejected by system: the approval expired without a decision'],
        ['pending', 'approval', null],
      ],
    );
  });

  it('stay open for a week when no policy gives a time, and then reject', async () => {
    const { id } = await enqueue({ requires_approval: true });
    await passTime(database, 6.9 * 24 * 3_600_000);
    assert.equal(await decideOverdue(database, handler, silentLog), 0);
    await passTime(database, 0.2 * 24 * 3_600_000);
    assert.equal(await decideOverdue(database, handler, silentLog), 1);
    assert.equal((await read(id)).error_code, 'rejected');
  });

  it('are requested again when a rejected task is retried, and not for an approved one', async () => {
    const { id } = await enqueue({ requires_approval: true });
    await decide(id, 'reject');
    assert.equal((await retryTask(database, handler, requester, id)).waiting_for, 'approval');
    await decide(id, 'approve');
    await cancelTask(database, handler, requester, id);
    assert.equal((await retryTask(database, handler, requester, id)).waiting_for, null);
    assert.equal(await work(), 1);
  });

  it('are withdrawn when their task ends, and requested again when it is retried', async () => {
    const { id } = await enqueue({ requires_approval: true });
    const before = await approvalOf(id);
    await cancelTask(database, handler, requester, id);
    assert.equal((await approvalOf(id)).status, 'withdrawn');
    await assert.rejects(decide(id, 'approve'), { reason: 'conflict' });
    await retryTask(database, handler, requester, id);
    const again = await approvalOf(id);
    assert.notEqual(again.id, before.id);
    assert.equal(again.status, 'pending');
  });

  it('come before the time and the other tasks that a task waits for', async () => {
    const first = await enqueue({ task_type: 'query' });
    const { id } = await enqueue({
      requires_approval: true,
      depends_on: [first.id],
      run_at: new Date(Date.now() + 3_600_000).toISOString(),
    });
    assert.equal((await read(id)).waiting_for, 'approval');
    assert.equal((await decide(id, 'approve')).task.waiting_for, 'dependencies');
    await work();
    assert.equal((await read(id)).waiting_for, 'schedule');
  });

  it('belong to their tenant', async () => {
    const { id } = await enqueue({ requires_approval: true });
    const approval = await approvalOf(id);
    const stranger = { ...requester, tenantId: 'other' };
    await assert.rejects(decideTask(database, handler, stranger, id, 'approve', null), { reason: 'not_found' });
    await assert.rejects(decideApproval(database, handler, stranger, approval.id, { decision: 'approve' }, null), {
      reason: 'not_found',
    });
  });
});
