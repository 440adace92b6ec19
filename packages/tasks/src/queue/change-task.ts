import { recordAudit } from '@reeve/audit';
import type { Task } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import { requestApproval } from '../approvals/approval.ts';
import { cancelPending } from './end-task.ts';
import type { Requester } from './requester.ts';
import { schedulePending } from './schedule-pending.ts';
import { queueTransaction } from './queue-transaction.ts';
import { updateRevived } from './store/end.ts';
import { lockTasks } from './store/lock.ts';
import { selectTask } from './store/read.ts';
import { lockKeysOf, selectHolders } from './store/slot.ts';
import { insertDependencies, updateNotifying } from './store/dependency.ts';
import type { TaskHandler } from './task.ts';

/**
 * Cancels a task: a waiting one ends at once, a running one is asked to stop at its next safe point. Throws
 * `not_found`, and `conflict` where it has ended.
 */
export async function cancelTask(
  database: Database,
  handler: TaskHandler,
  requester: Requester,
  id: string,
): Promise<Task> {
  const { tenantId, userId } = requester;
  await queueTransaction(database, handler, tenantId, async (tx, effects) => {
    if (!(await cancelPending(tx, handler, tenantId, id, `cancelled by ${userId}`, effects, userId))) {
      const { status } = await readTask(tx, tenantId, id);
      throw new ReeveError('conflict', `the task is ${status}; only a pending or running one can be cancelled`);
    }
    await recordAudit(tx, [{ ...requester, actor: userId, action: 'TASK_CANCELLED', taskId: id }]);
  });
  return inTenant(database.db, tenantId, (tx) => readTask(tx, tenantId, id));
}

/**
 * Queues an ended task again, to start as soon as a decision and its dependencies allow, whatever time it was first put off
 * to. Throws `not_found`, and `conflict` from any status but failed and cancelled, or while a dependency is either.
 */
export async function retryTask(
  database: Database,
  handler: TaskHandler,
  requester: Requester,
  id: string,
): Promise<Task> {
  const { tenantId, userId } = requester;
  return queueTransaction(database, handler, tenantId, async (tx, effects) => {
    const wanted = await readTask(tx, tenantId, id);
    await lockKeysOf(tx, [id]);
    const locked = await lockTasks(tx, [id, ...wanted.depends_on]);
    const before = await readTask(tx, tenantId, id);
    if (before.status !== 'failed' && before.status !== 'cancelled')
      throw new ReeveError(
        'conflict',
        `the task is ${before.status}; only a failed or cancelled one can be tried again`,
      );
    const state = locked.find((one) => one.id === id)!;
    const dependencies = locked.filter((one) => one.id !== id);
    const failed = dependencies.find(({ status }) => status === 'failed' || status === 'cancelled');
    if (failed !== undefined && !state.runAnyway)
      throw new ReeveError(
        'conflict',
        `it depends on task ${failed.id}, which is ${failed.status}; try that one again first`,
      );
    const open = dependencies.filter(({ status }) => status === 'pending').map((dependency) => dependency.id);
    await updateRevived(tx, id);
    if (before.requires_approval && before.approved_at === null) await requestApproval(tx, state, userId, effects);
    await updateNotifying(tx, open);
    await insertDependencies(
      tx,
      open.map((dependsOn) => ({ tenantId, taskId: id, dependsOn })),
    );
    if (state.concurrencyStrategy === 'reject' && state.concurrencyKey !== null) {
      const key = state.concurrencyKey;
      const holders = (await selectHolders(tx, tenantId, key)).filter((holder) => holder !== id);
      if (holders.length >= state.concurrencyLimit)
        throw new ReeveError('conflict', `concurrency_key ${key} is in use by task ${holders[0]}`);
    }
    await schedulePending(tx, handler, [id], effects);
    await recordAudit(tx, [{ ...requester, actor: userId, action: 'TASK_RETRIED', taskId: id }]);
    return readTask(tx, tenantId, id);
  });
}

async function readTask(tx: Tx, tenantId: string, id: string): Promise<Task> {
  const task = await selectTask(tx, tenantId, id);
  if (task === undefined) throw new ReeveError('not_found', `there is no task ${id}`);
  return task;
}
