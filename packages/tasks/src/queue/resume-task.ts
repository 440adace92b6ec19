import type { Tx } from '@reeve/db';
import type { PostCommitEffects } from './post-commit-effects.ts';
import { recordTaskEvent } from './record-task-event.ts';
import { scheduleLocked } from './schedule-pending.ts';
import { lockTasks } from './store/lock.ts';
import { deleteParked, type ParkReason } from './store/park.ts';
import { lockKeysOf } from './store/slot.ts';
import type { TaskHandler } from './task.ts';

/** Resumes a task that is suspended for one of these reasons; does nothing to any other. A caller that has locked the task has locked its key before. */
export async function resumeTask(
  tx: Tx,
  handler: TaskHandler,
  tenantId: string,
  taskId: string,
  reasons: readonly ParkReason[],
  effects: PostCommitEffects,
): Promise<void> {
  await lockKeysOf(tx, [taskId]);
  const [task] = await lockTasks(tx, [taskId]);
  if (task === undefined || task.tenantId !== tenantId || !(await deleteParked(tx, taskId, reasons))) return;
  await recordTaskEvent(tx, task, { type: 'task_resumed', summary: 'goes on' }, effects);
  await scheduleLocked(tx, handler, [task], effects);
}
