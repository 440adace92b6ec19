import type { Approval, Decision, Task, TaskStatus } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { ReeveError } from '@reeve/kit';

/*
 * The life of a task
 *
 *   pending ──claim──► in_progress ──► completed | failed | cancelled
 *      ▲                   │
 *      └─retry, sweep, park┘
 *
 * A pending task is where the first of its closed gates says (see schedule-pending.ts): behind a decision, other tasks, a time, or
 * its concurrency key; or it is ready. A task in progress has a lease and is in none of these places. A task that has
 * ended is in none and has no lease; only `retry` by a person brings it back. Every transition writes a journal row in
 * its transaction, and the end of a task with followers also a row of ended_tasks (see completion-outbox.ts).
 *
 * The lease is fenced: every claim draws a new epoch, and whatever its holder writes later names that epoch. Once
 * the sweeper has given the task to somebody else, writes under the old epoch change nothing and fail with `lease_lost`.
 */

/** A claimed task. Its holder may write in its name until `signal` aborts. */
export interface Claim {
  readonly task: Task;
  readonly epoch: number;
  /** Which attempt this is, from 1. */
  readonly attempt: number;
}

/** How a task ended. */
export type Outcome =
  | { readonly status: 'completed'; readonly result: unknown; readonly summary: string }
  | { readonly status: 'failed'; readonly error: ReeveError }
  | { readonly status: 'cancelled'; readonly error: ReeveError };

/**
 * What to do with claimed tasks. `run` either answers the outcome, or null where it settled the task in a
 * transaction of its own; what it throws is a failed attempt, tried again where that may help.
 */
export interface TaskHandler {
  run(claim: Claim, signal: AbortSignal): Promise<Outcome | null>;
  /**
   * Called in the transaction that ends a task which its handler did not end: cancelled while it waited, given up after its
   * last attempt, or left behind by a dependency. What belongs to the task is to be ended with it. What it answers is called
   * once that has committed.
   */
  ended(tx: Tx, task: Task, error: ReeveError, status: 'failed' | 'cancelled'): Promise<(() => void) | void>;
  /** Checks the decision on a tool call of a task before it is recorded, in the same transaction. Throws what is wrong with it. */
  check?(tx: Tx, approval: Approval, decision: ToolDecision): Promise<void>;
}

/** What was decided about a tool call, or about a call whose outcome is hidden. */
export interface ToolDecision {
  readonly decision: Decision;
  /** The input to use instead. */
  readonly editedInput?: Readonly<Record<string, unknown>> | undefined;
  /** What the call came to, given by hand. */
  readonly result?: unknown;
}

/** An error as callers may see it: what went wrong inside stays in the log. */
export function shownError(error: ReeveError): ReeveError {
  if (error.reason !== 'internal') return error;
  return new ReeveError('internal', 'something went wrong inside; the log has it', { cause: error });
}

export function hasEnded(status: TaskStatus): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

/** Milliseconds to wait after a failed attempt: 1 s doubled each time up to 5 minutes, with full jitter. */
export function retryDelayMs(attempt: number, random: () => number = Math.random): number {
  return Math.round(random() * Math.min(1_000 * 2 ** (attempt - 1), 300_000));
}
