import type { Tx } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import type { PostCommitEffects } from './post-commit-effects.ts';
import { cancelPending, endUnclaimed } from './end-task.ts';
import { makeReady } from './make-ready.ts';
import { lockTasks, selectGates, type Standing } from './store/lock.ts';
import { selectTask } from './store/read.ts';
import { insertSlot, lockKeysOf, selectBusy, selectHolders, selectSlots } from './store/slot.ts';
import { insertTimers, updateDependencyResults } from './store/wait.ts';
import type { TaskHandler } from './task.ts';

/*
 * Where a pending task waits. The gates stand in this order, and a task is put where the first closed one says:
 *
 *   decision (approvals) ──► other tasks (task_dependencies) ──► its time (timers) ──► its key (concurrency_slots) ──► ready
 *
 * Whoever opens a gate calls `placeTasks`, which looks at them all anew. A place of a key is held from the moment that
 * its task is ready to the end of the task, or to its next wait for a time.
 */

/**
 * Puts pending tasks that are nowhere, or only behind gates that may just have opened, where they wait next. A caller that has
 * locked tasks before has locked their keys before that.
 */
export async function placeTasks(
  tx: Tx,
  handler: TaskHandler,
  ids: readonly string[],
  effects: PostCommitEffects,
): Promise<void> {
  await lockKeysOf(tx, ids);
  await placeLocked(tx, handler, await lockTasks(tx, ids), effects);
}

/** The same for tasks that the caller has locked, after their keys, and not changed since. With `whateverTime` a time that is still to come is not waited for. */
export async function placeLocked(
  tx: Tx,
  handler: TaskHandler,
  locked: readonly Standing[],
  effects: PostCommitEffects,
  { whateverTime = false } = {},
): Promise<void> {
  const pending = locked.filter(({ status }) => status === 'pending');
  if (pending.length === 0) return;
  const { undecided, dependent } = await selectGates(
    tx,
    pending.map(({ id }) => id),
  );
  const free = pending.filter(({ id }) => !undecided.has(id) && !dependent.has(id));
  await updateDependencyResults(
    tx,
    free.filter(({ hasDependencies }) => hasDependencies).map(({ id }) => id),
  );
  const later = free.flatMap(({ id, tenantId, later: dueAt }) =>
    dueAt === null || whateverTime ? [] : [{ taskId: id, tenantId, dueAt }],
  );
  await insertTimers(tx, later);
  effects.timed ||= later.length > 0;
  const now = free.filter(({ id }) => !later.some(({ taskId }) => taskId === id));
  await makeReady(
    tx,
    now.filter(({ concurrencyKey }) => concurrencyKey === null),
    effects,
  );
  const keyed = now.filter(({ concurrencyKey }) => concurrencyKey !== null);
  for (const task of keyed) await takeSlot(tx, handler, task, task.concurrencyKey!, effects);
}

async function takeSlot(
  tx: Tx,
  handler: TaskHandler,
  task: Standing,
  key: string,
  effects: PostCommitEffects,
): Promise<void> {
  const holders = (await selectHolders(tx, task.tenantId, key)).filter((id) => id !== task.id);
  if (holders.length < task.concurrencyLimit) {
    await insertSlot(tx, task, key, true);
    return makeReady(tx, [task], effects);
  }
  // Once it has been tried it was let in, and waits for the next attempt like any other.
  const busy = (await selectBusy(tx, task.tenantId, key)).filter((id) => id !== task.id);
  if (task.concurrencyStrategy === 'reject' && !task.tried && busy.length >= task.concurrencyLimit) {
    const error = new ReeveError('conflict', `concurrency_key ${key} is in use by task ${busy[0]}`);
    const whole = await selectTask(tx, task.tenantId, task.id);
    if (whole !== undefined) await endUnclaimed(tx, handler, whole, 'failed', error, effects);
    return;
  }
  if (task.concurrencyStrategy === 'cancel_running')
    for (const taskId of (await selectSlots(tx, task.tenantId, key)).filter((id) => id < task.id))
      await cancelPending(tx, handler, task.tenantId, taskId, `task ${task.id} took its place`, effects);
  await insertSlot(tx, task, key, false);
}
