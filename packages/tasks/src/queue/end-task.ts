import type { Tx } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import { withdrawApprovals } from '../approvals/store.ts';
import { freeSlot } from './make-ready.ts';
import type { PostCommitEffects } from './post-commit-effects.ts';
import { recordTaskEvent } from './record-task-event.ts';
import { settleLeased, updateAttempted, updateCancelRequested, updateEnded, type TaskEnd } from './store/end.ts';
import { deleteLease, hasLease, lockLease } from './store/lease.ts';
import { lockTasks, type TaskSchedulingState } from './store/lock.ts';
import { deleteWaiting, insertReady } from './store/ready.ts';
import { lockKeysOf } from './store/slot.ts';
import { insertRetry } from './store/waiting.ts';
import { retryDelayMs, shownError, type Claim, type Outcome, type TaskHandler, type TaskIdentity } from './task.ts';

/*
 * The ways out of `in_progress`, and the end of a task that waits
 *
 *   in_progress ──settleTask──► completed | failed | cancelled
 *   in_progress ──retryLater──► pending, until its retry delay is over
 *   in_progress ──giveBack────► pending, claimable at once
 *   pending ─────endUnclaimed─► failed | cancelled
 *
 * A holder deletes its lease under the lease's epoch before it writes anything else, so a lost lease changes nothing. A task that
 * was asked to stop is cancelled instead of becoming pending again.
 */

/** Throws `lease_lost` unless the claim still holds. The lease is locked until the transaction ends, so no worker can take it. */
export async function requireLease(tx: Tx, { task, epoch }: Pick<Claim, 'task' | 'epoch'>): Promise<void> {
  if (!(await lockLease(tx, task.id, epoch))) throw leaseLost(task.id);
}

/**
 * Ends a claimed task in the caller's transaction. Withdraws the open approvals of a task that did not complete. Throws
 * `lease_lost`, changing nothing, when the claim no longer holds.
 */
export async function settleTask(tx: Tx, claim: Claim, outcome: Outcome, effects: PostCommitEffects): Promise<void> {
  const [settled] = await settleLeased(tx, [{ ...endOf(outcome), taskId: claim.task.id, epoch: claim.epoch }]);
  if (settled === undefined) throw leaseLost(claim.task.id);
  if (outcome.status !== 'completed') await withdrawApprovals(tx, claim.task.id);
  effects.completions ||= settled.notifiesOnEnd;
  effects.journals.add(claim.task.tenantId);
}

/** Returns a claimed task to the queue after a failed attempt, claimable when its retry delay is over. Throws `lease_lost`. */
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
  if ((await stateUnlessCancelled(tx, handler, task.id, effects)) === undefined) return;
  const delayMs = error.retryAfterMs ?? retryDelayMs(lease.attempt);
  await insertRetry(tx, task.id, task.tenantId, delayMs);
  effects.timed = true;
  await freeSlot(tx, task.id, effects);
  const summary = `attempt ${lease.attempt} failed: ${shown.message.slice(0, 500)}`;
  await recordTaskEvent(tx, task, { type: 'task_retried', summary, details: { delay_ms: delayMs } }, effects);
}

/** Returns a claimed task to the queue because its worker stops; the attempt does not count. Does nothing when the claim no longer holds. */
export async function giveBack(
  tx: Tx,
  handler: TaskHandler,
  { task, epoch }: Claim,
  effects: PostCommitEffects,
): Promise<void> {
  if ((await deleteLease(tx, task.id, epoch)) === undefined) return;
  const state = await stateUnlessCancelled(tx, handler, task.id, effects);
  if (state === undefined) return;
  await insertReady(tx, [state]);
  effects.claimable = true;
  await recordTaskEvent(tx, task, { type: 'task_returned', summary: 'its worker stopped' }, effects);
}

/** Ends a pending task, and whatever belongs to it. The caller has locked the task. */
export async function endUnclaimed(
  tx: Tx,
  handler: TaskHandler,
  task: TaskIdentity,
  status: 'failed' | 'cancelled',
  error: ReeveError,
  effects: PostCommitEffects,
  actor = 'system',
): Promise<void> {
  await deleteWaiting(tx, task.id);
  await withdrawApprovals(tx, task.id);
  if (await updateEnded(tx, task.id, endOf({ status, error }), actor)) effects.completions = true;
  effects.journals.add(task.tenantId);
  const call = await handler.ended(tx, task, error, status);
  if (call) effects.calls.push(call);
}

/**
 * Cancels a task that has not ended: a waiting one ends at once, one in progress is asked to stop. Returns false, having done
 * nothing, when the task has ended.
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
  const [task] = await lockTasks(tx, [taskId]);
  if (task === undefined || task.tenantId !== tenantId || task.status !== 'pending') return false;
  // Waits for a claim that is under way: only after this does its lease show.
  await deleteWaiting(tx, taskId);
  if (!(await hasLease(tx, taskId))) {
    await endUnclaimed(tx, handler, task, 'cancelled', new ReeveError('cancelled', why), effects, actor);
    return true;
  }
  await updateCancelRequested(tx, taskId);
  effects.cancels.add(taskId);
  await recordTaskEvent(tx, task, { type: 'task_cancel_requested', summary: why, actor }, effects);
  return true;
}

/** An outcome as it is stored. */
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

/** Locks a task whose lease was just deleted and returns its state. Cancels it and returns undefined when it was asked to stop. */
export async function stateUnlessCancelled(
  tx: Tx,
  handler: TaskHandler,
  taskId: string,
  effects: PostCommitEffects,
): Promise<TaskSchedulingState | undefined> {
  const [state] = await lockTasks(tx, [taskId]);
  if (!state?.cancelRequested) return state;
  await endUnclaimed(tx, handler, state, 'cancelled', new ReeveError('cancelled', 'cancelled on request'), effects);
  return undefined;
}

/** The error of a holder whose lease another worker has now. */
export function leaseLost(taskId: string): ReeveError {
  return new ReeveError('lease_lost', `the lease of task ${taskId} was given to another worker`);
}
