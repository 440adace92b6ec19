import { CompiledQuery } from 'kysely';
import type { Db, Tx } from './database.ts';
import { KEPT_PLANS } from './plans.ts';

/** What holds in a transaction beside its tenant. */
export interface TransactionSettings {
  /**
   * A plan that was made once is kept, and goes by index. For transactions of few statements that are repeated all the time, and
   * find their rows by key: planning such a statement takes longer than running it.
   */
  readonly keepsPlans?: boolean;
  /**
   * The commit does not wait for the disk: it survives the death of this process, and a crash of PostgreSQL can take it back. Not for
   * PGlite, which never waits for the disk: there the log of such a commit would stay in this process.
   */
  readonly isAsynchronous?: boolean;
}

/**
 * Runs one transaction that sees and writes rows of one tenant only: row-level security holds in it, whatever its
 * queries forget to say. Inside it use only the `tx` it is given; the outer database would wait for itself.
 */
export function inTenant<T>(
  db: Db,
  tenantId: string,
  work: (tx: Tx) => Promise<T>,
  { keepsPlans = false, isAsynchronous = false }: TransactionSettings = {},
): Promise<T> {
  const text = bindingText(keepsPlans, isAsynchronous);
  return db.transaction().execute(async (tx) => {
    await tx.executeQuery(CompiledQuery.raw(text, [tenantId]));
    return work(tx);
  });
}

/** Binds a transaction to the tenant in $1 until it ends, and sets what else holds in it. */
function bindingText(keepsPlans: boolean, isAsynchronous: boolean): string {
  const settings = Object.entries({
    ...(keepsPlans && KEPT_PLANS),
    ...(isAsynchronous && { synchronous_commit: 'off' }),
  });
  return [BIND, ...settings.map(([name, value]) => `set_config('${name}', '${value}', true)`)].join(', ');
}

const BIND = `select set_config('role', 'reeve_tenant', true), set_config('reeve.tenant', $1, true)`;

/** Whether a statement only binds a transaction, so that its answer tells nothing: where it fails, the transaction has failed. */
export function isSetting(text: string): boolean {
  return text.startsWith(BIND);
}
