import { mayPass, persist, type Database, type Tx } from '@reeve/db';
import { isRetryable, ReeveError, type Log } from '@reeve/kit';
import type { PostCommitEffects } from '../queue/post-commit-effects.ts';
import { giveBack, retryLater, settleTask } from '../queue/end-task.ts';
import { queueTransaction } from '../queue/queue-transaction.ts';
import { createCompletionBatcher } from './completion-batcher.ts';
import { shownError, type Claim, type Outcome, type TaskHandler } from '../queue/task.ts';

export interface AttemptParts {
  readonly database: Database;
  readonly handler: TaskHandler;
  readonly log: Log;
  readonly leaseMs: number;
  /** Whether a tenant has a limit, so that the end of a task may let another start. */
  readonly isLimited: (tenantId: string) => boolean;
}

/**
 * Makes one attempt at a claimed task; `worked` is called when the handler has returned. Resolves with a word for what became of the
 * task, and throws only when that could not be written.
 */
export type Attempt = (claim: Claim, signal: AbortSignal, worked: () => void) => Promise<string>;

/*
 * One attempt
 *
 *   running ──outcome──► settled
 *      └──exception──► lease lost: left to another worker
 *                      shutting down: given back
 *                      retryable, attempts left: retried later
 *                      else: failed or cancelled, and the handler's `ended` called
 */

export function createAttempt(parts: AttemptParts): Attempt {
  const { database, handler, leaseMs } = parts;
  const settle = createCompletionBatcher(database, handler);

  return async (claim, signal, worked) => {
    let outcome: Outcome | null;
    try {
      try {
        signal.throwIfAborted();
        outcome = await handler.run(claim, signal);
      } finally {
        worked();
      }
      if (outcome !== null) {
        const settled = outcome;
        await persist(leaseMs, () => settle(claim, settled), mayPass);
      }
    } catch (thrown) {
      return await endAttempt(parts, claim, ReeveError.from(signal.aborted ? signal.reason : thrown));
    } finally {
      if (parts.isLimited(claim.task.tenantId)) database.notify('reeve_tasks', '');
    }
    return outcome?.status ?? 'settled';
  };
}

/** Handles an exception of the handler. */
async function endAttempt(parts: AttemptParts, claim: Claim, error: ReeveError): Promise<string> {
  const { database, handler, log, leaseMs } = parts;
  const { task, attempt: count } = claim;
  const about = { err: error, task_id: task.id, attempt: count };
  const write = (work: (tx: Tx, effects: PostCommitEffects) => Promise<void>) =>
    persist(leaseMs, () => queueTransaction(database, handler, task.tenantId, work), mayPass);
  if (error.reason === 'lease_lost') {
    log.info(about, 'a task was left to another worker');
    return 'lease_lost';
  }
  if (error.reason === 'shutting_down') {
    log.info(about, 'a task was given back');
    await write((tx, effects) => giveBack(tx, handler, claim, effects));
    return 'given_back';
  }
  if (error.reason !== 'cancelled' && isRetryable(error) && count < task.maxAttempts) {
    log.warn(about, 'an attempt failed');
    await write((tx, effects) => retryLater(tx, handler, claim, error, effects));
    return 'retried';
  }
  const status = error.reason === 'cancelled' ? 'cancelled' : 'failed';
  log.warn(about, `a task ${status === 'failed' ? 'failed' : 'was cancelled'}`);
  await write(async (tx, effects) => {
    await settleTask(tx, claim, { status, error }, effects);
    const call = await handler.ended(tx, task, shownError(error), status);
    if (call) effects.calls.push(call);
  });
  return status;
}
