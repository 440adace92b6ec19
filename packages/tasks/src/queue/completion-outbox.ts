import { isTransient, type Database, type Tx } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import { cancelPending, endUnclaimed } from './end-task.ts';
import { freeSlot } from './make-ready.ts';
import { createEffects, notifyEffects, type PostCommitEffects } from './post-commit-effects.ts';
import { resumeTask } from './resume-task.ts';
import { scheduleLocked } from './schedule-pending.ts';
import { deleteDependency } from './store/dependency.ts';
import { takeCompletion } from './store/end.ts';
import { lockTasks, type TaskSchedulingState } from './store/lock.ts';
import { lockKeysOf } from './store/slot.ts';
import { selectRelations } from './store/task-relations.ts';
import type { TaskHandler } from './task.ts';

/*
 * The consequences of a task's end
 *
 *   ended ──same transaction──► in the outbox ──one transaction per task──► removed, its relations updated
 *
 * A transaction that ends a task others wait for also adds it to task_completion_outbox. This file removes one task at a time
 * together with the consequences: dependents are scheduled, or cancelled when the task did not complete; a parent suspended for
 * it resumes; children it leaves behind are cancelled; the next task in line gets its concurrency slot. A relation that ends in
 * its turn enters the outbox itself, so no transaction locks more than one level of a long chain and two cannot deadlock. If the
 * process dies in between, the row stays for the next one.
 */

/**
 * Processes the outbox, and what it adds to it, until it is empty. A task that fails stays in the outbox and holds up no other;
 * the first such error is thrown at the end. Stops after `most` tasks; returns whether there may be more.
 */
export async function drainCompletionOutbox(
  database: Database,
  handler: TaskHandler,
  most = Infinity,
): Promise<boolean> {
  const failed = new Map<string, unknown>();
  for (let count = 0; count < most; count++) {
    const effects = createEffects();
    let taskId: string | undefined;
    try {
      await database.db.transaction().execute(async (tx) => {
        taskId = await takeCompletion(tx, [...failed.keys()]);
        if (taskId !== undefined) await updateRelations(tx, handler, taskId, effects);
      });
    } catch (error) {
      if (taskId === undefined || isTransient(error)) throw error;
      failed.set(taskId, error);
      continue;
    }
    if (taskId === undefined) {
      for (const error of failed.values()) throw error;
      return false;
    }
    notifyEffects(database, effects);
  }
  return true;
}

/** Most tasks processed while a caller waits: those of the largest workflow. */
const WHILE_WAITING = 1_000;

/**
 * Processes the outbox for a caller that has just ended a task. Never throws, since the end stands, and is bounded. Housekeeping
 * processes the rest, and logs failures.
 */
export async function drainAfterCommit(database: Database, handler: TaskHandler): Promise<void> {
  const more = await drainCompletionOutbox(database, handler, WHILE_WAITING).catch(() => true);
  if (more) database.notify('reeve_tasks', 'completions');
}

async function updateRelations(
  tx: Tx,
  handler: TaskHandler,
  taskId: string,
  effects: PostCommitEffects,
): Promise<void> {
  const { dependents, parents, children } = await selectRelations(tx, taskId);
  const related = [taskId, ...dependents, ...parents, ...children];
  await lockKeysOf(tx, related);
  const locked = await lockTasks(tx, related);
  const ended = locked.find(({ id }) => id === taskId);
  // A person retried it before anybody heard of its end: its relations go on waiting.
  if (ended === undefined || ended.status === 'pending') return;
  await deleteDependency(tx, taskId);
  const waiting = locked.filter(({ id, status }) => dependents.includes(id) && status === 'pending');
  await updateDependents(tx, handler, ended, waiting, effects);
  for (const parent of parents)
    await resumeTask(tx, handler, ended.tenantId, parent, ['dependencies', 'approval', 'caller'], effects);
  const why = `task ${taskId}, which gave it this work, ${verbOf(ended)}`;
  for (const child of children) await cancelPending(tx, handler, ended.tenantId, child, why, effects);
  await freeSlot(tx, taskId, effects);
}

/** Schedules the dependents of an ended task. Cancels those that need its result when it did not complete. */
async function updateDependents(
  tx: Tx,
  handler: TaskHandler,
  ended: TaskSchedulingState,
  waiting: readonly TaskSchedulingState[],
  effects: PostCommitEffects,
): Promise<void> {
  const { stranded = [], others = [] } = Object.groupBy(waiting, ({ runAnyway }) =>
    ended.status !== 'completed' && !runAnyway ? 'stranded' : 'others',
  );
  const why = `it depends on task ${ended.id}, which ${verbOf(ended)}`;
  for (const task of stranded)
    await endUnclaimed(tx, handler, task, 'cancelled', new ReeveError('cancelled', why), effects);
  await scheduleLocked(tx, handler, others, effects);
}

function verbOf({ status }: TaskSchedulingState): string {
  return status === 'cancelled' ? 'was cancelled' : status;
}
