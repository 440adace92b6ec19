import type { Approval, Decision, TaskStatus } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { ReeveError } from '@reeve/kit';

/*
 * The states of a task
 *
 *   pending ──claim──► in_progress ──► completed | failed | cancelled
 *      ▲                   │
 *      └─retry, sweep,─────┘
 *        suspend
 *
 * A pending task waits behind the first of its gates that is closed (see schedule-pending.ts), or is ready to be claimed. A task
 * in progress has a lease and waits nowhere. An ended task has neither; only a person's `retry` makes it pending again. Every
 * transition writes a journal entry in its transaction. A task that others wait for enters the completion outbox in the
 * transaction that ends it (see completion-outbox.ts).
 *
 * Leases are fenced: every claim draws a new epoch, and its holder names that epoch with each write. Once the sweeper has given
 * the task to another worker, writes under the old epoch change nothing and fail with `lease_lost`.
 */

/** The part of a task that journal entries and audit entries name. */
export interface TaskIdentity {
  readonly id: string;
  readonly tenantId: string;
  readonly agentId: string;
  readonly title: string;
  readonly sessionId: string | null;
  readonly traceId: string;
}

/** The task of a claim: what a handler works from. The API's `Task` has more fields, and a claim reads none of them. */
export interface ClaimedTask extends TaskIdentity {
  readonly description: string | null;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly priority: number;
  readonly maxAttempts: number;
  readonly createdBy: string | null;
}

/** The right to work on a task. The holder may write in the task's name until `signal` aborts. */
export interface Claim {
  readonly task: ClaimedTask;
  readonly epoch: number;
  /** The number of this attempt, from 1. */
  readonly attempt: number;
}

/** How a task ended. */
export type Outcome =
  | { readonly status: 'completed'; readonly result: unknown; readonly summary: string }
  | { readonly status: 'failed'; readonly error: ReeveError }
  | { readonly status: 'cancelled'; readonly error: ReeveError };

/** The code that works on claimed tasks. */
export interface TaskHandler {
  /**
   * Works on a claimed task. Returns its outcome, or null when it settled the task in a transaction of its own. An exception is
   * a failed attempt, which is retried when the error is retryable.
   */
  run(claim: Claim, signal: AbortSignal): Promise<Outcome | null>;
  /**
   * Runs in the transaction that ends a task which the handler did not end: one cancelled while it waited, out of attempts, or
   * left behind by a dependency. Ends whatever belongs to the task. The returned function is called after the commit.
   */
  ended(tx: Tx, task: TaskIdentity, error: ReeveError, status: 'failed' | 'cancelled'): Promise<(() => void) | void>;
  /** Validates the decision on a tool call, in the transaction that records it. Throws when the call does not allow it. */
  check?(tx: Tx, approval: Approval, decision: ToolDecision): Promise<void>;
}

/** A person's decision on a tool call, or on a call whose outcome is unknown. */
export interface ToolDecision {
  readonly decision: Decision;
  /** The input to use instead. */
  readonly editedInput?: Readonly<Record<string, unknown>> | undefined;
  /** The result of the call, given by hand. */
  readonly result?: unknown;
}

/** The error as callers may see it: internal details stay in the log. */
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
