import type { Database, Tx } from '@reeve/db';
import { ReeveError, type Log } from '@reeve/kit';
import { endUnclaimed } from '../queue/end-task.ts';
import type { PostCommitEffects } from '../queue/post-commit-effects.ts';
import { queueTransaction } from '../queue/queue-transaction.ts';
import { recordTaskEvent } from '../queue/record-task-event.ts';
import { updateAttempted, updateLost } from '../queue/store/end.ts';
import { deleteExpired, selectExpired } from '../queue/store/lease.ts';
import { lockTasks } from '../queue/store/lock.ts';
import { insertReady } from '../queue/store/ready.ts';
import type { TaskHandler } from '../queue/task.ts';

/** Most leases of one look. */
const AT_ONCE = 500;

/**
 * Takes tasks back from workers whose leases ran out. A task becomes ready again, or fails when that was its last attempt, or is
 * cancelled when it was asked to stop. Each has a transaction of its own, so that one that fails holds up no other. Returns how
 * many were taken back.
 */
export async function sweepLeases(database: Database, handler: TaskHandler, log: Log): Promise<number> {
  let swept = 0;
  for (;;) {
    const expired = await selectExpired(database.db, AT_ONCE);
    let taken = 0;
    for (const taskId of expired)
      try {
        if (await queueTransaction(database, handler, null, (tx, effects) => takeBack(tx, handler, taskId, effects)))
          taken += 1;
      } catch (error) {
        log.error({ err: error, task_id: taskId }, 'a task whose worker fell silent could not be taken back');
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
