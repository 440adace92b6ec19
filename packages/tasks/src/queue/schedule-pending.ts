import type { Tx } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import { cancelPending, endUnclaimed } from './end-task.ts';
import { makeReady } from './make-ready.ts';
import type { PostCommitEffects } from './post-commit-effects.ts';
import { updateDependencyResults } from './store/dependency.ts';
import { lockTasks, selectGates, type TaskSchedulingState } from './store/lock.ts';
import { insertSlot, lockKeysOf, selectBusy, selectHolders, selectSlots } from './store/slot.ts';
import { insertScheduled } from './store/waiting.ts';
import type { TaskHandler } from './task.ts';

/*
 * The gates of a pending task, in order. A task waits behind the first one that is closed:
 *
 *   decision (approvals) ──► other tasks (task_dependencies) ──► start time (waiting_tasks) ──► concurrency key (concurrency_slots) ──► ready
 *
 * The transaction that opens a gate calls `schedulePending`, which checks all of them again. A task holds a slot of its
 * concurrency key from the moment it is ready until it ends, or until it waits for a time again.
 */

/**
 * Schedules pending tasks that wait nowhere, or only behind gates that may just have opened. A caller that has locked tasks
 * before has locked their keys before that.
 */
export async function schedulePending(
  tx: Tx,
  handler: TaskHandler,
  ids: readonly string[],
  effects: PostCommitEffects,
): Promise<void> {
  await lockKeysOf(tx, ids);
  await scheduleLocked(tx, handler, await lockTasks(tx, ids), effects);
}

/**
 * The same for tasks that the caller has locked, after their keys, and not changed since. With `ignoresTime` they do not wait for
 * a start time that is still to come.
 */
export async function scheduleLocked(
  tx: Tx,
  handler: TaskHandler,
  locked: readonly TaskSchedulingState[],
  effects: PostCommitEffects,
  { ignoresTime = false } = {},
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
  const later = free.flatMap(({ id, tenantId, runAt }) =>
    runAt === null || ignoresTime ? [] : [{ taskId: id, tenantId, dueAt: runAt }],
  );
  await insertScheduled(tx, later);
  effects.timed ||= later.length > 0;
  const due = free.filter(({ runAt }) => runAt === null || ignoresTime);
  await makeReady(
    tx,
    due.filter(({ concurrencyKey }) => concurrencyKey === null),
    effects,
  );
  for (const task of due)
    if (task.concurrencyKey !== null) await takeSlot(tx, handler, task, task.concurrencyKey, effects);
}

async function takeSlot(
  tx: Tx,
  handler: TaskHandler,
  task: TaskSchedulingState,
  key: string,
  effects: PostCommitEffects,
): Promise<void> {
  const holders = (await selectHolders(tx, task.tenantId, key)).filter((id) => id !== task.id);
  if (holders.length < task.concurrencyLimit) {
    await insertSlot(tx, task, key, true);
    return makeReady(tx, [task], effects);
  }
  // A task that was tried before got in once, and now waits for its next attempt like any other.
  const busy = (await selectBusy(tx, task.tenantId, key)).filter((id) => id !== task.id);
  if (task.concurrencyStrategy === 'reject' && !task.tried && busy.length >= task.concurrencyLimit) {
    const error = new ReeveError('conflict', `concurrency_key ${key} is in use by task ${busy[0]}`);
    return endUnclaimed(tx, handler, task, 'failed', error, effects);
  }
  if (task.concurrencyStrategy === 'cancel_running')
    for (const taskId of (await selectSlots(tx, task.tenantId, key)).filter((id) => id < task.id))
      await cancelPending(tx, handler, task.tenantId, taskId, `task ${task.id} took its place`, effects);
  await insertSlot(tx, task, key, false);
}
