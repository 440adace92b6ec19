import type { Database } from '@reeve/db';

/**
 * The effects that a queue transaction has outside its database: they are collected while it runs, discarded when it rolls back,
 * and flushed once it has committed (see `queueTransaction`).
 */
export interface PostCommitEffects {
  /** A task became claimable. */
  claimable: boolean;
  /** A task now waits for a time. */
  timed: boolean;
  /** A task ended whose end other tasks wait for. */
  followers: boolean;
  /** Tenants whose journal has new entries. */
  readonly journals: Set<string>;
  /** Tasks in progress that were asked to stop. */
  readonly cancels: Set<string>;
  readonly calls: (() => void)[];
}

export function createEffects(): PostCommitEffects {
  return { claimable: false, timed: false, followers: false, journals: new Set(), cancels: new Set(), calls: [] };
}

/** Calls back and notifies the workers and readers that the effects concern. Tasks that follow the ended ones are not its job. */
export function notifyEffects(database: Database, effects: PostCommitEffects): void {
  for (const call of effects.calls) call();
  for (const tenantId of effects.journals) database.notify('reeve_journal', tenantId);
  for (const taskId of effects.cancels) database.notify('reeve_cancels', taskId);
  if (effects.claimable) database.notify('reeve_tasks', '');
  if (effects.timed) database.notify('reeve_tasks', 'timer');
}
