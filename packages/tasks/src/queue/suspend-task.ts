import type { Database, Tx } from '@reeve/db';
import type { Log } from '@reeve/kit';
import type { PostCommitEffects } from './post-commit-effects.ts';
import { leaseLost, standingUnlessCancelled } from './end-task.ts';
import { queueTransaction } from './queue-transaction.ts';
import { deleteLease } from './store/lease.ts';
import { lockTasks } from './store/lock.ts';
import { insertParked, selectRetrying, selectShort, type ParkReason } from './store/park.ts';
import { selectCutoff } from '../retention/store.ts';
import { lockKeysOf } from './store/slot.ts';
import type { Claim, TaskHandler } from './task.ts';
import { tell } from './record-task-event.ts';
import { unparkTask } from './resume-task.ts';

/*
 * A task in progress can be put aside until something outside happens. It is pending then, with no lease and no worker, for
 * days if need be; it keeps its place of its concurrency key, since it has begun, and its attempt does not count.
 *
 *   in_progress ──park──► parked (approval | budget | dependencies) ──unpark──► wherever the gates say (see schedule-pending.ts)
 */

/** How it is told what a task waits for. */
const WAITS: Readonly<Record<ParkReason, string>> = {
  approval: 'waits for a decision on a tool call',
  budget: 'waits for its budget to have room',
  dependencies: 'waits for the work that it gave to others',
};

/**
 * Puts a claimed task aside in the caller's transaction, or ends it where it was to be cancelled; answers which. With `retryMs`
 * it tries again by itself after that many milliseconds. Nobody can decide anything about it between this and the commit. Throws `lease_lost`, changing nothing, where the claim no longer holds.
 */
export async function parkTask(
  tx: Tx,
  handler: TaskHandler,
  claim: Claim,
  reason: ParkReason,
  effects: PostCommitEffects,
  retryMs?: number,
): Promise<'parked' | 'ended'> {
  const { task, epoch } = claim;
  if ((await deleteLease(tx, task.id, epoch)) === undefined) throw leaseLost(task.id);
  if ((await standingUnlessCancelled(tx, handler, claim, effects)) === undefined) return 'ended';
  await insertParked(tx, task.id, task.tenant_id, reason, retryMs);
  await tell(tx, task, { type: 'task_parked', summary: WAITS[reason], details: { waiting_for: reason } }, effects);
  return 'parked';
}

/** Locks a claimed task, so that nobody decides anything about it until the transaction ends. */
export async function holdTask(tx: Tx, { task }: Claim): Promise<void> {
  await lockTasks(tx, [task.id]);
}

/** Tasks that one look takes on. */
const AT_ONCE = 200;

/**
 * Lets a tenant's tasks try again that wait for money: those whose budget still has no room wait on.
 */
export async function retryShort(database: Database, handler: TaskHandler, log: Log, tenantId: string): Promise<void> {
  const now = await selectCutoff(database.db, 0);
  for (;;) {
    const waiting = await selectShort(database.db, tenantId, now, AT_ONCE);
    const went = await goOn(database, handler, log, waiting);
    if (waiting.length < AT_ONCE || went === 0) return;
  }
}

/** Lets tasks of any tenant go on that were to try again by themselves, as when what others had reserved may have come back. */
export async function retryParked(database: Database, handler: TaskHandler, log: Log): Promise<void> {
  await goOn(database, handler, log, await selectRetrying(database.db, AT_ONCE));
}

/** Each by itself, so that one that cannot go on holds up no other. Answers how many went on. */
async function goOn(database: Database, handler: TaskHandler, log: Log, taskIds: readonly string[]): Promise<number> {
  let went = 0;
  for (const taskId of taskIds) {
    try {
      await queueTransaction(database, handler, null, async (tx, effects) => {
        await lockKeysOf(tx, [taskId]);
        const [standing] = await lockTasks(tx, [taskId]);
        if (standing?.status === 'pending')
          await unparkTask(tx, handler, standing.tenantId, taskId, ['budget'], effects);
      });
      went += 1;
    } catch (error) {
      log.error({ err: error, task_id: taskId }, 'a task that was put aside could not go on');
    }
  }
  return went;
}
