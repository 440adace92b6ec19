import { isTransient, type Database, type Tx } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import { createEffects, notifyEffects, type PostCommitEffects } from './post-commit-effects.ts';
import { cancelPending, endUnclaimed } from './end-task.ts';
import { placeLocked } from './schedule-pending.ts';
import { freeSlot } from './make-ready.ts';
import { takeEnded } from './store/end.ts';
import { selectFollowers } from './store/task-relations.ts';
import { lockTasks } from './store/lock.ts';
import { selectTasks } from './store/read.ts';
import { lockKeysOf } from './store/slot.ts';
import { deleteDependency } from './store/wait.ts';
import type { TaskHandler } from './task.ts';
import { unparkTask } from './resume-task.ts';

/*
 * What follows from the end of a task. The transaction that ends a task with followers also puts it into ended_tasks;
 * here each is taken out again together with all that follows from it: dependents whose last dependency it was can go on,
 * or end where it did not complete, a parent that was put aside for it goes on, children that it leaves behind are cancelled, and
 * whoever waited for its concurrency key gets its place. A process that dies between the two leaves the row to the next one. A
 * long chain is walked one task a transaction, so no cascade locks more than one level, and none can lock against another.
 */

/**
 * Tells the followers of every task that ended, and theirs, until nobody is left to be told. Those that cannot be told stay to be
 * told later and hold up no other; the first error of that is thrown at the end. Stops after `most` tasks and answers whether
 * there may be more.
 */
export async function releaseFollowers(database: Database, handler: TaskHandler, most = Infinity): Promise<boolean> {
  const failed = new Map<string, unknown>();
  for (let told = 0; told < most; told++) {
    const effects = createEffects();
    let taskId: string | undefined;
    try {
      await database.db.transaction().execute(async (tx) => {
        taskId = await takeEnded(tx, [...failed.keys()]);
        if (taskId !== undefined) await release(tx, handler, taskId, effects);
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
    // Followers that ended in their turn are met by this loop.
    notifyEffects(database, effects);
  }
  return true;
}

/** Most tasks whose followers are told while a caller waits: those of the largest workflow. */
const WAITED_FOR = 1_000;

/**
 * `releaseFollowers` for whoever has just ended a task: never throws, since that stands, and does not go on for ever where many
 * end. Housekeeping sees to the rest and to followers that could not be told, and logs why.
 */
export async function followUp(database: Database, handler: TaskHandler): Promise<void> {
  const more = await releaseFollowers(database, handler, WAITED_FOR).catch(() => true);
  if (more) database.notify('reeve_tasks', 'followers');
}

async function release(tx: Tx, handler: TaskHandler, taskId: string, effects: PostCommitEffects): Promise<void> {
  const { dependents, parents, children } = await selectFollowers(tx, taskId);
  const concerned = [taskId, ...dependents, ...parents, ...children];
  await lockKeysOf(tx, concerned);
  const locked = await lockTasks(tx, concerned);
  const ended = locked.find(({ id }) => id === taskId);
  // Brought back before anybody was told of its end: they go on waiting.
  if (ended === undefined || ended.status === 'pending') return;
  await deleteDependency(tx, taskId);
  const waiting = locked.filter(({ id, status }) => dependents.includes(id) && status === 'pending');
  const stranded = waiting.filter(({ runAnyway }) => ended.status !== 'completed' && !runAnyway);
  const verb = ended.status === 'cancelled' ? 'was cancelled' : ended.status;
  for (const task of await selectTasks(
    tx,
    stranded.map(({ id }) => id),
  ))
    await endUnclaimed(
      tx,
      handler,
      task,
      'cancelled',
      new ReeveError('cancelled', `it depends on task ${taskId}, which ${verb}`),
      effects,
    );
  const others = waiting.filter((task) => !stranded.includes(task));
  await placeLocked(tx, handler, others, effects);
  for (const parent of parents)
    await unparkTask(tx, handler, ended.tenantId, parent, ['dependencies', 'approval'], effects);
  for (const child of children)
    await cancelPending(
      tx,
      handler,
      ended.tenantId,
      child,
      `task ${taskId}, which gave it this work, ${verb}`,
      effects,
    );
  await freeSlot(tx, taskId, effects);
}
