import type { Database, Tx } from '@reeve/db';
import { sleep, type Log } from '@reeve/kit';
import {
  deleteApprovalsOf,
  deleteEmptyWorkflows,
  deleteOldJournal,
  deleteTasks,
  lockOldTasks,
  selectCutoff,
  selectTenants,
} from './store.ts';

export interface RetentionParts {
  readonly database: Database;
  /** How long what has ended is kept, in days. */
  readonly days: number;
  /** Deletes what others keep of tasks, in the transaction that deletes them. */
  readonly forget: (tx: Tx, taskIds: readonly string[]) => Promise<void>;
  readonly log: Log;
}

/** Rows of one transaction, and the pause after it, so that retention never stands in anybody's way. */
const BATCH = 500;
const PAUSE_MS = 50;
const ROUND_MS = 3_600_000;
const FIRST_ROUND_MS = 60_000;

/** Removes what is older than its days, a little at a time, every hour until the signal aborts. Any number of processes may. */
export async function runRetention(parts: RetentionParts, signal: AbortSignal): Promise<void> {
  await sleep(FIRST_ROUND_MS, signal);
  while (!signal.aborted) {
    await removeOld(parts, signal).then(
      (removed) => removed > 0 && parts.log.info({ tasks: removed }, 'old tasks were removed'),
      (error: unknown) => parts.log.warn({ err: error }, 'removing old tasks failed; trying again in an hour'),
    );
    await sleep(ROUND_MS, signal);
  }
}

/** One round: ended tasks with all that belongs to them, empty workflows, and journal entries. Returns how many tasks were removed. */
export async function removeOld({ database, days, forget }: RetentionParts, signal: AbortSignal): Promise<number> {
  const { db } = database;
  const cutoff = await selectCutoff(db, days);
  let removed = 0;
  let after = '00000000-0000-0000-0000-000000000000';
  while (!signal.aborted) {
    const { ids, last } = await db.transaction().execute(async (tx) => {
      const old = await lockOldTasks(tx, cutoff, after, BATCH);
      if (old.ids.length > 0) {
        await forget(tx, old.ids);
        await deleteApprovalsOf(tx, old.ids);
        await deleteTasks(tx, old.ids);
      }
      return old;
    });
    removed += ids.length;
    if (last === undefined) break;
    after = last;
    await sleep(PAUSE_MS, signal);
  }
  await deleteEmptyWorkflows(db, cutoff);
  for (const tenantId of await selectTenants(db))
    while (!signal.aborted && (await deleteOldJournal(db, tenantId, cutoff, BATCH * 4))) await sleep(PAUSE_MS, signal);
  return removed;
}
