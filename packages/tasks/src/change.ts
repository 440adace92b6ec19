import { recordAudit } from '@reeve/audit';
import type { Task } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import { endUnclaimed } from './end.ts';
import type { Requester } from './enqueue.ts';
import {
  deleteExpiredLeases,
  deleteWaiting,
  insertDependencies,
  insertReady,
  lockTasks,
  selectTask,
  selectTasks,
  updateAttempted,
  updateCancelRequested,
  updateRevived,
} from './store.ts';
import { hasEnded, type TaskHandler } from './task.ts';

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
  const task = await inTenant(database.db, requester.tenantId, async (tx) => {
    const before = await lockTask(tx, requester.tenantId, id);
    if (hasEnded(before.status))
      throw new ReeveError('conflict', `the task is ${before.status}; only a pending or running one can be cancelled`);
    // A claim that commits while this waits for its rows shows only now.
    await deleteWaiting(tx, id);
    if ((await readTask(tx, requester.tenantId, id)).status === 'in_progress') await updateCancelRequested(tx, id);
    else
      await endUnclaimed(
        tx,
        handler,
        before,
        'cancelled',
        new ReeveError('cancelled', `cancelled by ${requester.userId}`),
      );
    await recordAudit(tx, [{ ...requester, actor: requester.userId, action: 'TASK_CANCELLED', taskId: id }]);
    return lockTask(tx, requester.tenantId, id);
  });
  database.notify('reeve_cancels', id);
  return task;
}

/**
 * Queues an ended task again, to start as soon as its dependencies allow, whatever time it was first put off to. Throws
 * `not_found`, and `conflict` from any status but failed and cancelled, or while a dependency is either.
 */
export async function retryTask(database: Database, requester: Requester, id: string): Promise<Task> {
  const task = await inTenant(database.db, requester.tenantId, async (tx) => {
    const before = await lockTask(tx, requester.tenantId, id);
    if (before.status !== 'failed' && before.status !== 'cancelled') {
      throw new ReeveError(
        'conflict',
        `the task is ${before.status}; only a failed or cancelled one can be tried again`,
      );
    }
    const dependencies =
      before.depends_on.length === 0 ? [] : await lockTasks(tx, requester.tenantId, before.depends_on);
    const failed = dependencies.find(({ status }) => status === 'failed' || status === 'cancelled');
    if (failed !== undefined)
      throw new ReeveError(
        'conflict',
        `it depends on task ${failed.id}, which is ${failed.status}; try that one again first`,
      );
    const open = dependencies.filter(({ status }) => status === 'pending').map((dependency) => dependency.id);
    await updateRevived(tx, id);
    if (open.length > 0) await insertDependencies(tx, requester.tenantId, id, open);
    else await insertReady(tx, [{ id, tenantId: requester.tenantId, priority: before.priority }]);
    await recordAudit(tx, [{ ...requester, actor: requester.userId, action: 'TASK_RETRIED', taskId: id }]);
    return lockTask(tx, requester.tenantId, id);
  });
  database.notify('reeve_tasks', '');
  return task;
}

/**
 * Takes tasks back from workers that fell silent: each is ready again, or failed where that was its last attempt, or
 * cancelled where that was asked. Answers how many.
 */
export async function sweepLeases(database: Database, handler: TaskHandler, limit = 100): Promise<number> {
  const swept = await database.db.transaction().execute(async (tx) => {
    const expired = await deleteExpiredLeases(tx, limit);
    const tasks = await selectTasks(
      tx,
      expired.map(({ taskId }) => taskId),
    );
    for (const { taskId, attempt } of expired) {
      const task = tasks.find(({ id }) => id === taskId);
      if (task === undefined) continue;
      await updateAttempted(tx, taskId, attempt, null, null);
      if ((await lockTasks(tx, task.tenant_id, [taskId]))[0]?.cancelRequested) {
        await endUnclaimed(
          tx,
          handler,
          task,
          'cancelled',
          new ReeveError('cancelled', 'cancelled while its worker was gone'),
        );
      } else if (attempt >= task.max_attempts) {
        await endUnclaimed(
          tx,
          handler,
          task,
          'failed',
          new ReeveError('unavailable', `the worker stopped without a word, ${attempt} times`),
        );
      } else {
        await insertReady(tx, [{ id: taskId, tenantId: task.tenant_id, priority: task.priority }]);
      }
    }
    return expired.length;
  });
  if (swept > 0) database.notify('reeve_tasks', '');
  return swept;
}

async function lockTask(tx: Tx, tenantId: string, id: string): Promise<Task> {
  await lockTasks(tx, tenantId, [id]);
  return readTask(tx, tenantId, id);
}

async function readTask(tx: Tx, tenantId: string, id: string): Promise<Task> {
  const task = await selectTask(tx, tenantId, id);
  if (task === undefined) throw new ReeveError('not_found', `there is no task ${id}`);
  return task;
}
