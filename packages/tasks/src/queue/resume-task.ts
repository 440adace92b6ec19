import type { Tx } from '@reeve/db';
import type { PostCommitEffects } from './post-commit-effects.ts';
import { recordTaskEvent, type TaskEventInput } from './record-task-event.ts';
import { scheduleLocked } from './schedule-pending.ts';
import { lockTasks } from './store/lock.ts';
import { lockKeysOf } from './store/slot.ts';
import { deleteSuspended, type SuspendReason } from './store/waiting.ts';
import type { TaskHandler } from './task.ts';

/** The journal entry of a suspended task that resumes. */
export const RESUMED: TaskEventInput = { type: 'task_resumed', summary: 'goes on' };

/** Locks a task, its key first, so that it is neither suspended nor resumed by others until the transaction ends. */
export async function lockForResume(tx: Tx, taskId: string): Promise<void> {
  await lockKeysOf(tx, [taskId]);
  await lockTasks(tx, [taskId]);
}

/** Resumes a task that is suspended for one of these reasons; does nothing to any other. A caller that has locked the task has locked its key before. */
export async function resumeTask(
  tx: Tx,
  handler: TaskHandler,
  tenantId: string,
  taskId: string,
  reasons: readonly SuspendReason[],
  effects: PostCommitEffects,
): Promise<void> {
  await lockKeysOf(tx, [taskId]);
  const [task] = await lockTasks(tx, [taskId]);
  if (task === undefined || task.tenantId !== tenantId || !(await deleteSuspended(tx, taskId, reasons))) return;
  await recordTaskEvent(tx, task, RESUMED, effects);
  await scheduleLocked(tx, handler, [task], effects);
}
