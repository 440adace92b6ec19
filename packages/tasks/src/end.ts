import { type Task } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import {
  deleteDependency,
  deleteLease,
  deleteWaiting,
  insertReady,
  insertRetryTimer,
  insertTimer,
  lockLease,
  lockTasks,
  selectDependents,
  selectTask,
  updateAttempted,
  updateEnded,
} from './store.ts';
import { retryDelayMs, shownError, type Claim, type Outcome, type TaskHandler } from './task.ts';

/** Throws `lease_lost` unless the claim still holds; until the transaction ends nobody can take it away. */
export async function requireLease(tx: Tx, { task, epoch }: Pick<Claim, 'task' | 'epoch'>): Promise<void> {
  if (!(await lockLease(tx, task.id, epoch))) throw leaseLost(task.id);
}

/**
 * Ends a claimed task in the caller's transaction and lets those that wait for it go on, or ends them with it
 * where it did not complete. Answers whether any can be claimed now: then `reeve_tasks` is to be notified after the commit.
 * Throws `lease_lost`, changing nothing, where the claim no longer holds.
 */
export async function settleTask(tx: Tx, handler: TaskHandler, claim: Claim, outcome: Outcome): Promise<boolean> {
  const lease = await deleteLease(tx, claim.task.id, claim.epoch);
  if (lease === undefined) throw leaseLost(claim.task.id);
  await recordEnd(tx, claim.task.id, outcome, lease);
  return releaseDependents(tx, handler, claim.task, outcome.status);
}

/** Gives a claimed task back after a failed attempt, to be claimed again when its delay is over; ends it where it was to be cancelled. */
export async function retryLater(tx: Tx, handler: TaskHandler, claim: Claim, error: ReeveError): Promise<void> {
  const lease = await deleteLease(tx, claim.task.id, claim.epoch);
  if (lease === undefined) throw leaseLost(claim.task.id);
  await updateAttempted(tx, claim.task.id, lease.attempt, lease.startedAt, {
    message: shownError(error).message,
    code: error.reason,
  });
  if (await endIfCancelled(tx, handler, claim)) return;
  await insertRetryTimer(tx, claim.task.id, claim.task.tenant_id, error.retryAfterMs ?? retryDelayMs(lease.attempt));
}

/**
 * Gives a claimed task back untried, to be claimed again at once: its holder stops. Ends it where it was to be cancelled, and
 * does nothing where the claim no longer holds.
 */
export async function giveBack(tx: Tx, handler: TaskHandler, claim: Claim): Promise<void> {
  const { task, epoch } = claim;
  if ((await deleteLease(tx, task.id, epoch)) === undefined) return;
  if (await endIfCancelled(tx, handler, claim)) return;
  await insertReady(tx, [{ id: task.id, tenantId: task.tenant_id, priority: task.priority }]);
}

/** Ends a task that nobody holds, with whatever belongs to it. */
export async function endUnclaimed(
  tx: Tx,
  handler: TaskHandler,
  task: Task,
  status: 'failed' | 'cancelled',
  error: ReeveError,
): Promise<void> {
  await deleteWaiting(tx, task.id);
  await recordEnd(tx, task.id, { status, error });
  await handler.ended(tx, task, error, status);
  await releaseDependents(tx, handler, task, status);
}

async function endIfCancelled(tx: Tx, handler: TaskHandler, { task }: Claim): Promise<boolean> {
  const [recorded] = await lockTasks(tx, task.tenant_id, [task.id]);
  if (!recorded?.cancelRequested) return false;
  await endUnclaimed(tx, handler, task, 'cancelled', new ReeveError('cancelled', 'cancelled on request'));
  return true;
}

function leaseLost(taskId: string): ReeveError {
  return new ReeveError('lease_lost', `the lease of task ${taskId} was given to another worker`);
}

async function recordEnd(
  tx: Tx,
  taskId: string,
  outcome: Outcome,
  lease?: { attempt: number; startedAt: Date },
): Promise<void> {
  const completed = outcome.status === 'completed';
  await updateEnded(
    tx,
    taskId,
    {
      status: outcome.status,
      result: completed ? outcome.result : null,
      resultSummary: completed ? outcome.summary : null,
      errorMessage: completed ? null : shownError(outcome.error).message,
      errorCode: completed ? null : outcome.error.reason,
    },
    lease,
  );
}

/**
 * Dependents are locked before the dependency is struck off, so that two that end at once cannot both think the other is
 * left. Answers whether any is ready now.
 */
async function releaseDependents(
  tx: Tx,
  handler: TaskHandler,
  ended: Task,
  status: Outcome['status'],
): Promise<boolean> {
  const dependents = await selectDependents(tx, ended.id);
  let released = false;
  if (dependents.length === 0) return released;
  const locked = await lockTasks(tx, ended.tenant_id, dependents);
  const free = new Set(await deleteDependency(tx, ended.id, dependents));
  for (const { id, status: recorded, priority } of locked) {
    if (recorded !== 'pending') continue;
    const task = await selectTask(tx, ended.tenant_id, id);
    if (task === undefined) continue;
    if (status !== 'completed') {
      const error = new ReeveError(
        'cancelled',
        `it depends on task ${ended.id}, which ${status === 'failed' ? 'failed' : 'was cancelled'}`,
      );
      await endUnclaimed(tx, handler, task, 'cancelled', error);
    } else if (free.has(id)) {
      const dueAt = task.run_at === null ? null : new Date(task.run_at);
      released = true;
      if (dueAt === null) await insertReady(tx, [{ id, tenantId: ended.tenant_id, priority }]);
      else await insertTimer(tx, { taskId: id, tenantId: ended.tenant_id, dueAt, reason: 'schedule' });
    }
  }
  return released;
}
