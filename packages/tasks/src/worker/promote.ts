import { isTransient, type Database } from '@reeve/db';
import type { Log } from '@reeve/kit';
import { queueTransaction } from '../queue/queue-transaction.ts';
import { recordTaskEvent } from '../queue/record-task-event.ts';
import { RESUMED } from '../queue/resume-task.ts';
import { scheduleLocked } from '../queue/schedule-pending.ts';
import { lockTasks } from '../queue/store/lock.ts';
import { lockKeysOf } from '../queue/store/slot.ts';
import { isSuspendReason, selectDue, takeDue } from '../queue/store/waiting.ts';
import type { TaskHandler } from '../queue/task.ts';

/** Most tasks of one look. */
const AT_ONCE = 500;

/**
 * Schedules waiting tasks whose time has come: the start time, the next attempt, or a suspended task's next look. A task that
 * fails holds up no other. Returns milliseconds until the next task is due (null: none waits for a time).
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
          log.error({ err: failed, task_id: taskId }, 'a task whose time has come could not be scheduled'),
        );
      return nextMs;
    }
    if (due.length < AT_ONCE) return nextMs;
  }
}

async function promote(database: Database, handler: TaskHandler, due: readonly string[]): Promise<void> {
  await queueTransaction(database, handler, null, async (tx, effects) => {
    // Tasks before their rows of waiting_tasks, as in a cancellation.
    await lockKeysOf(tx, due);
    const locked = await lockTasks(tx, due);
    const reasons = await takeDue(tx, due);
    const taken = locked.filter(({ id }) => reasons.has(id));
    for (const task of taken)
      if (isSuspendReason(reasons.get(task.id)!)) await recordTaskEvent(tx, task, RESUMED, effects);
    await scheduleLocked(tx, handler, taken, effects, { ignoresTime: true });
  });
}
