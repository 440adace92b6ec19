import type { Tx } from '@reeve/db';
import type { PostCommitEffects } from './post-commit-effects.ts';
import { placeTasks } from './schedule-pending.ts';
import { deleteParked, type ParkReason } from './store/park.ts';
import { selectTask } from './store/read.ts';
import type { TaskHandler } from './task.ts';
import { tell } from './record-task-event.ts';

/** Lets a task go on that waits for one of these, and does nothing to any other. The caller has locked its key and the task. */
export async function unparkTask(
  tx: Tx,
  handler: TaskHandler,
  tenantId: string,
  taskId: string,
  reasons: readonly ParkReason[],
  effects: PostCommitEffects,
): Promise<void> {
  if (!(await deleteParked(tx, taskId, reasons))) return;
  const task = await selectTask(tx, tenantId, taskId);
  if (task === undefined) return;
  await tell(tx, task, { type: 'task_resumed', summary: 'goes on' }, effects);
  await placeTasks(tx, handler, [taskId], effects);
}
