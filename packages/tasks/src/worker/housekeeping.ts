import type { Database } from '@reeve/db';
import type { Log, Signal } from '@reeve/kit';
import { decideOverdue } from '../approvals/approval.ts';
import { drainCompletionOutbox } from '../queue/completion-outbox.ts';
import { mergeCounts } from '../queue/store/count.ts';
import { sweepLeases } from './sweep.ts';
import type { TaskHandler } from '../queue/task.ts';

export interface HousekeepingParts {
  readonly database: Database;
  readonly handler: TaskHandler;
  readonly leaseMs: number;
  readonly log: Log;
  /** Raised where followers are left to be told. */
  readonly wake: Signal;
  readonly signal: AbortSignal;
}

/** Longest time between two rounds. */
const ROUND_MS = 10_000;

/**
 * Does what somebody must do now and then, until the signal aborts: takes back the tasks of silent workers, decides what nobody
 * decided in time, lets tasks try again that others were in the way of, tells followers whom a dead process did not tell, and merges the counts. Any number of processes may.
 */
export async function runHousekeeping({
  database,
  handler,
  leaseMs,
  log,
  wake,
  signal,
}: HousekeepingParts): Promise<void> {
  let mergeAt = 0;
  const chores: Record<string, () => Promise<unknown>> = {
    'taking back leases': () => sweepLeases(database, handler, log),
    'deciding overdue approvals': () => decideOverdue(database, handler, log),
    'draining the completion outbox': () => drainCompletionOutbox(database, handler),
    'merging counts': async () => void (mergeAt = await mergeCounts(database.db, mergeAt)),
  };
  while (!signal.aborted) {
    for (const [name, chore] of Object.entries(chores))
      await chore().catch((error: unknown) => log.warn({ err: error }, `${name} failed; trying again`));
    await wake.wait(Math.min(leaseMs / 2, ROUND_MS), signal);
  }
}
