import { inTenant, type Database, type Tx } from '@reeve/db';
import { drainAfterCommit } from './completion-outbox.ts';
import { createEffects, notifyEffects, type PostCommitEffects } from './post-commit-effects.ts';
import type { TaskHandler } from './task.ts';

/**
 * Runs a transaction that changes tasks, for one tenant or, with null, across tenants, and flushes its effects once it has
 * committed. A rollback discards the effects. A caller without a handler leaves the completion outbox to housekeeping.
 */
export function queueTransaction<T>(
  database: Database,
  handler: TaskHandler | null,
  tenantId: string | null,
  work: (tx: Tx, effects: PostCommitEffects) => Promise<T>,
): Promise<T> {
  return withPostCommitEffects(database, handler, (effects) =>
    tenantId === null
      ? database.db.transaction().execute((tx) => work(tx, effects))
      : inTenant(database.db, tenantId, (tx) => work(tx, effects)),
  );
}

/** The same for a caller that runs the transaction itself: `commit` resolves once it has committed. */
export async function withPostCommitEffects<T>(
  database: Database,
  handler: TaskHandler | null,
  commit: (effects: PostCommitEffects) => Promise<T>,
): Promise<T> {
  const effects = createEffects();
  const result = await commit(effects);
  notifyEffects(database, effects);
  if (effects.completions) {
    if (handler === null) database.notify('reeve_tasks', 'completions');
    else await drainAfterCommit(database, handler);
  }
  return result;
}
