import type { Task } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import type { PostCommitEffects } from './post-commit-effects.ts';
import { freeSlot } from './make-ready.ts';
import { withdrawApprovals } from '../approvals/store.ts';
import { settleLeased, updateAttempted, updateCancelRequested, updateEnded, type TaskEnd } from './store/end.ts';
import { deleteLease, hasLease, lockLease } from './store/lease.ts';
import { lockTasks, type Standing } from './store/lock.ts';
import { selectTask } from './store/read.ts';
import { lockKeysOf } from './store/slot.ts';
import { deleteWaiting, insertReady, insertRetryTimer } from './store/wait.ts';
import { retryDelayMs, shownError, type Claim, type Outcome, type TaskHandler } from './task.ts';
import { tell } from './record-task-event.ts';

/** Throws `lease_lost` unless the claim still holds; until the transaction ends nobody can take it away. */
export async function requireLease(tx: Tx, { task, epoch }: Pick<Claim, 'task' | 'epoch'>): Promise<void> {
  if (!(await lockLease(tx, task.id, epoch))) throw leaseLost(task.id);
}

/**
 * Ends a claimed task in the caller's transaction. What people were asked about a task that did not complete is taken back.
 * Throws `lease_lost`, changing nothing, where the claim no longer holds.
 */
export async function settleTask(tx: Tx, claim: Claim, outcome: Outcome, effects: PostCommitEffects): Promise<void> {
  const [settled] = await settleLeased(tx, [{ ...endOf(outcome), taskId: claim.task.id, epoch: claim.epoch }]);
  if (settled === undefined) throw leaseLost(claim.task.id);
  if (outcome.status !== 'completed') await withdrawApprovals(tx, claim.task.id);
  effects.followers ||= settled.hasFollowers;
  effects.journals.add(claim.task.tenant_id);
}

/** Gives a claimed task back after a failed attempt, to be claimed again when its delay is over; ends it where it was to be cancelled. */
export async function retryLater(
  tx: Tx,
  handler: TaskHandler,
  claim: Claim,
  error: ReeveError,
  effects: PostCommitEffects,
): Promise<void> {
  const { task, epoch } = claim;
  await lockKeysOf(tx, [task.id]);
  const lease = await deleteLease(tx, task.id, epoch);
  if (lease === undefined) throw leaseLost(task.id);
  const shown = shownError(error);
  await updateAttempted(tx, task.id, lease.attempt, lease.startedAt, { message: shown.message, code: error.reason });
  if ((await standingUnlessCancelled(tx, handler, claim, effects)) === undefined) return;
  const delayMs = error.retryAfterMs ?? retryDelayMs(lease.attempt);
  await insertRetryTimer(tx, task.id, task.tenant_id, delayMs);
  effects.timed = true;
  await freeSlot(tx, task.id, effects);
  const summary = `attempt ${lease.attempt} failed: ${shown.message.slice(0, 500)}`;
  await tell(tx, task, { type: 'task_retried', summary, details: { delay_ms: delayMs } }, effects);
}

/**
 * Gives a claimed task back untried, to be claimed again at once: its holder stops. Ends it where it was to be cancelled, and
 * does nothing where the claim no longer holds.
 */
export async function giveBack(tx: Tx, handler: TaskHandler, claim: Claim, effects: PostCommitEffects): Promise<void> {
  const { task, epoch } = claim;
  if ((await deleteLease(tx, task.id, epoch)) === undefined) return;
  const standing = await standingUnlessCancelled(tx, handler, claim, effects);
  if (standing === undefined) return;
  await insertReady(tx, [standing]);
  effects.claimable = true;
  await tell(tx, task, { type: 'task_returned', summary: 'its worker stopped' }, effects);
}

/** Ends a task that nobody holds, with whatever belongs to it. The caller has locked it and knows that it is pending. */
export async function endUnclaimed(
  tx: Tx,
  handler: TaskHandler,
  task: Task,
  status: 'failed' | 'cancelled',
  error: ReeveError,
  effects: PostCommitEffects,
  actor = 'system',
): Promise<void> {
  await deleteWaiting(tx, task.id);
  await withdrawApprovals(tx, task.id);
  if (await updateEnded(tx, task.id, endOf({ status, error }), actor)) effects.followers = true;
  effects.journals.add(task.tenant_id);
  const call = await handler.ended(tx, task, error, status);
  if (call) effects.calls.push(call);
}

/**
 * Cancels a task that has not ended: one that waits ends at once, one in progress is asked to stop. Answers false, having
 * done nothing, where it has ended.
 */
export async function cancelPending(
  tx: Tx,
  handler: TaskHandler,
  tenantId: string,
  taskId: string,
  why: string,
  effects: PostCommitEffects,
  actor = 'system',
): Promise<boolean> {
  const [locked] = await lockTasks(tx, [taskId]);
  if (locked === undefined || locked.tenantId !== tenantId || locked.status !== 'pending') return false;
  // A claim that commits while this waits for its rows shows only now.
  await deleteWaiting(tx, taskId);
  const task = await selectTask(tx, tenantId, taskId);
  if (task === undefined) return false;
  if (!(await hasLease(tx, taskId))) {
    await endUnclaimed(tx, handler, task, 'cancelled', new ReeveError('cancelled', why), effects, actor);
    return true;
  }
  await updateCancelRequested(tx, taskId);
  effects.cancels.add(taskId);
  await tell(tx, task, { type: 'task_cancel_requested', summary: why, actor }, effects);
  return true;
}

/** What is recorded of an outcome. */
export function endOf(outcome: Outcome): TaskEnd {
  const completed = outcome.status === 'completed';
  return {
    status: outcome.status,
    result: completed ? outcome.result : null,
    resultSummary: completed ? outcome.summary : null,
    errorMessage: completed ? null : shownError(outcome.error).message,
    errorCode: completed ? null : outcome.error.reason,
  };
}

/** What is recorded of a task whose lease was just ended; ends the task instead, and answers undefined, where it was to be cancelled. */
export async function standingUnlessCancelled(
  tx: Tx,
  handler: TaskHandler,
  { task }: Claim,
  effects: PostCommitEffects,
): Promise<Standing | undefined> {
  const [recorded] = await lockTasks(tx, [task.id]);
  if (!recorded?.cancelRequested) return recorded;
  await endUnclaimed(tx, handler, task, 'cancelled', new ReeveError('cancelled', 'cancelled on request'), effects);
  return undefined;
}

/** What whoever lost a lease is told. */
export function leaseLost(taskId: string): ReeveError {
  return new ReeveError('lease_lost', `the lease of task ${taskId} was given to another worker`);
}
