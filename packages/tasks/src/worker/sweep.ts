import { isTransient, type Database, type Tx } from '@reeve/db';
import { ReeveError, type Log } from '@reeve/kit';
import type { PostCommitEffects } from '../queue/post-commit-effects.ts';
import { endUnclaimed } from '../queue/end-task.ts';
import { scheduleLocked } from '../queue/schedule-pending.ts';
import { queueTransaction } from '../queue/queue-transaction.ts';
import { updateAttempted, updateLost } from '../queue/store/end.ts';
import { deleteExpired, selectExpired } from '../queue/store/lease.ts';
import { lockTasks } from '../queue/store/lock.ts';
import { lockKeysOf } from '../queue/store/slot.ts';
import { insertReady, selectDue, takeDue } from '../queue/store/wait.ts';
import type { TaskHandler } from '../queue/task.ts';
import { recordTaskEvent } from '../queue/record-task-event.ts';

/** Leases and timers that one look takes on. */
const AT_ONCE = 500;

/**
 * Takes tasks back from workers that fell silent: each is ready again, or failed where that was its last attempt, or
 * cancelled where that was asked; each by itself, so that one that cannot be ended holds up no other. Answers how many.
 */
export async function sweepLeases(database: Database, handler: TaskHandler, log: Log): Promise<number> {
  let swept = 0;
  for (;;) {
    const expired = await selectExpired(database.db, AT_ONCE);
    let taken = 0;
    for (const taskId of expired) {
      try {
        if (await queueTransaction(database, handler, null, (tx, effects) => takeBack(tx, handler, taskId, effects)))
          taken += 1;
      } catch (error) {
        log.error({ err: error, task_id: taskId }, 'a task whose worker fell silent could not be taken back');
      }
    }
    swept += taken;
    if (expired.length < AT_ONCE || taken === 0) return swept;
  }
}

async function takeBack(tx: Tx, handler: TaskHandler, taskId: string, effects: PostCommitEffects): Promise<boolean> {
  const lease = await deleteExpired(tx, taskId);
  if (lease === undefined) return false;
  const { attempt, startedAt } = lease;
  await updateAttempted(tx, taskId, attempt, startedAt, null);
  await updateLost(tx, taskId);
  const [task] = await lockTasks(tx, [taskId]);
  if (task === undefined || task.status !== 'pending') return true;
  if (task.cancelRequested) {
    const error = new ReeveError('cancelled', 'cancelled while its worker was gone');
    await endUnclaimed(tx, handler, task, 'cancelled', error, effects);
  } else if (attempt >= task.maxAttempts) {
    const error = new ReeveError('unavailable', `the worker stopped without a word, ${attempt} times`);
    await endUnclaimed(tx, handler, task, 'failed', error, effects);
  } else {
    await insertReady(tx, [task]);
    effects.claimable = true;
    const event = { type: 'task_returned', summary: 'its worker fell silent', details: { attempt } } as const;
    await recordTaskEvent(tx, task, event, effects);
  }
  return true;
}

/**
 * Lets tasks go on whose time has come; one that cannot go on holds up no other. Answers milliseconds until the next one's time
 * comes (null: none waits for a time).
 */
export async function promoteDue(database: Database, handler: TaskHandler, log: Log): Promise<number | null> {
  for (;;) {
    const { due, nextMs } = await selectDue(database.db, AT_ONCE);
    if (due.length === 0) return nextMs;
    try {
      await promote(database, handler, due);
    } catch (error) {
      if (isTransient(error)) throw error;
      for (const taskId of due)
        await promote(database, handler, [taskId]).catch((failed: unknown) =>
          log.error({ err: failed, task_id: taskId }, 'a task whose time has come could not go on'),
        );
      return nextMs;
    }
    if (due.length < AT_ONCE) return nextMs;
  }
}

async function promote(database: Database, handler: TaskHandler, due: readonly string[]): Promise<void> {
  await queueTransaction(database, handler, null, async (tx, effects) => {
    // Tasks before their places, as whoever cancels them does.
    await lockKeysOf(tx, due);
    const locked = await lockTasks(tx, due);
    const taken = new Set(await takeDue(tx, due));
    const now = locked.filter(({ id }) => taken.has(id));
    await scheduleLocked(tx, handler, now, effects, { ignoresTime: true });
  });
}
