import type { Database } from '@reeve/db';

/**
 * The effects that a queue transaction has outside its database: collected while it runs, discarded when it rolls back, flushed
 * once it has committed (see queue-transaction.ts).
 */
export interface PostCommitEffects {
  /** A task became claimable. */
  claimable: boolean;
  /** A task now waits for a time. */
  timed: boolean;
  /** A task entered the completion outbox. */
  completions: boolean;
  /** Tenants whose journal has new entries. */
  readonly journals: Set<string>;
  /** Tasks in progress that were asked to stop. */
  readonly cancels: Set<string>;
  readonly calls: (() => void)[];
}

export function createEffects(): PostCommitEffects {
  return { claimable: false, timed: false, completions: false, journals: new Set(), cancels: new Set(), calls: [] };
}

/**
 * Makes the calls and notifies the workers and readers concerned: workers first, since notifications are sent one after another
 * and a task waits for its worker's. Leaves the completion outbox alone.
 */
export function notifyEffects(database: Database, effects: PostCommitEffects): void {
  for (const call of effects.calls) call();
  if (effects.claimable) database.notify('reeve_tasks', '');
  if (effects.timed) database.notify('reeve_tasks', 'timer');
  for (const taskId of effects.cancels) database.notify('reeve_cancels', taskId);
  for (const tenantId of effects.journals) database.notify('reeve_journal', tenantId);
}
