import type { Database, Tx } from '@reeve/db';
import type { Log } from '@reeve/kit';
import { leaseLost, stateUnlessCancelled } from './end-task.ts';
import type { PostCommitEffects } from './post-commit-effects.ts';
import { queueTransaction } from './queue-transaction.ts';
import { recordTaskEvent } from './record-task-event.ts';
import { resumeTask } from './resume-task.ts';
import { deleteLease } from './store/lease.ts';
import { lockTasks } from './store/lock.ts';
import { insertSuspended, selectNow, selectShort, type SuspendReason } from './store/waiting.ts';
import type { Claim, TaskHandler } from './task.ts';

/*
 * Suspension: a task in progress waits for something outside the queue
 *
 *   in_progress ──suspend──► suspended (approval | budget | dependencies | model | caller) ──resume──► wherever its gates say (schedule-pending.ts)
 *
 * A suspended task is pending, with no lease and no worker, for days if need be. It keeps its concurrency slot, since its work has
 * begun, and the attempt does not count.
 */

/** The journal's sentence for each reason. */
const WAITS: Readonly<Record<SuspendReason, string>> = {
  approval: 'waits for a decision on a tool call',
  budget: 'waits for its budget to have room',
  dependencies: 'waits for the work that it gave to others',
  caller: 'waits for the results of its caller’s tools',
  model: 'waits for its model to take calls again',
};

/**
 * Suspends a claimed task in the caller's transaction, or cancels it when it was asked to stop; returns which. With `retryMs` it
 * resumes by itself after that many milliseconds (see promote.ts). The task stays locked until the commit. Throws `lease_lost`, changing nothing,
 * when the claim no longer holds.
 */
export async function suspendTask(
  tx: Tx,
  handler: TaskHandler,
  { task, epoch }: Claim,
  reason: SuspendReason,
  effects: PostCommitEffects,
  retryMs?: number,
): Promise<'suspended' | 'ended'> {
  if ((await deleteLease(tx, task.id, epoch)) === undefined) throw leaseLost(task.id);
  if ((await stateUnlessCancelled(tx, handler, task.id, effects)) === undefined) return 'ended';
  await insertSuspended(tx, task.id, task.tenantId, reason, retryMs);
  effects.timed ||= retryMs !== undefined;
  const details = { waiting_for: reason };
  await recordTaskEvent(tx, task, { type: 'task_parked', summary: WAITS[reason], details }, effects);
  return 'suspended';
}

/** Locks a claimed task, so that no decision about it is made until the transaction ends. */
export async function lockClaimed(tx: Tx, { task }: Claim): Promise<void> {
  await lockTasks(tx, [task.id]);
}

/** Tasks of one look. */
const AT_ONCE = 200;

/** Resumes a tenant's tasks that wait for budget. Those whose budget still has no room suspend themselves again. */
export async function resumeShort(database: Database, handler: TaskHandler, log: Log, tenantId: string): Promise<void> {
  const now = await selectNow(database.db);
  for (;;) {
    const waiting = await selectShort(database.db, tenantId, now, AT_ONCE);
    const resumed = await resumeEach(database, handler, log, waiting);
    if (waiting.length < AT_ONCE || resumed === 0) return;
  }
}

/** Resumes each task in a transaction of its own, so that one that fails holds up no other. Returns how many were handled. */
async function resumeEach(
  database: Database,
  handler: TaskHandler,
  log: Log,
  tasks: readonly { id: string; tenantId: string }[],
): Promise<number> {
  let resumed = 0;
  for (const { id, tenantId } of tasks)
    try {
      await queueTransaction(database, handler, null, (tx, effects) =>
        resumeTask(tx, handler, tenantId, id, ['budget'], effects),
      );
      resumed += 1;
    } catch (error) {
      log.error({ err: error, task_id: id }, 'a suspended task could not resume');
    }
  return resumed;
}
