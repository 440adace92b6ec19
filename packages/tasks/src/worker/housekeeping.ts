import type { Database } from '@reeve/db';
import { gauge, type Log, type Signal } from '@reeve/kit';
import { decideOverdue } from '../approvals/approval.ts';
import { drainCompletionOutbox } from '../queue/completion-outbox.ts';
import { mergeCounts } from '../queue/store/count.ts';
import { countModelWaits } from '../queue/store/waiting.ts';
import { sweepLeases } from './sweep.ts';
import type { TaskHandler } from '../queue/task.ts';

export interface HousekeepingParts {
  readonly database: Database;
  readonly handler: TaskHandler;
  readonly leaseMs: number;
  readonly log: Log;
  /** Raised when the completion outbox has rows left. */
  readonly wake: Signal;
  readonly signal: AbortSignal;
}

/** Longest time between two rounds. */
const ROUND_MS = 10_000;

const modelWaits = gauge(
  'reeve_tasks_waiting_for_model',
  'Tasks of the database that wait for a model that takes no calls.',
);

/**
 * Runs the chores of the queue in rounds until the signal aborts: takes tasks back from silent workers, applies the defaults of
 * overdue approvals, drains what dead processes left in the completion outbox, merges the counts, and counts the tasks that wait for
 * a model. Any number of processes may run it.
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
    'counting waits for models': async () => modelWaits.set(await countModelWaits(database.db)),
  };
  while (!signal.aborted) {
    for (const [name, chore] of Object.entries(chores))
      await chore().catch((error: unknown) => log.warn({ err: error }, `${name} failed; trying again`));
    await wake.wait(Math.min(leaseMs / 2, ROUND_MS), signal);
  }
}
