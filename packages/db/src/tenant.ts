import { CompiledQuery } from 'kysely';
import type { Db, Tx } from './database.ts';
import { KEPT_PLANS, settingCalls } from './plans.ts';

/** How the statements of a transaction are planned. */
export interface Planning {
  /**
   * A plan that was made once is kept, and goes by index. For transactions of few statements that are repeated all the time, and
   * find their rows by key: planning such a statement takes longer than running it.
   */
  readonly keepsPlans?: boolean;
}

/**
 * One transaction that sees and writes rows of one tenant only: row-level security holds in it, whatever its
 * queries forget to say. Inside it use only the `tx` it is given; the outer database would wait for itself.
 */
export function inTenant<T>(
  db: Db,
  tenantId: string,
  work: (tx: Tx) => Promise<T>,
  { keepsPlans = false }: Planning = {},
): Promise<T> {
  return db.transaction().execute(async (tx) => {
    await tx.executeQuery(CompiledQuery.raw(keepsPlans ? BIND_AND_KEEP : BIND, [tenantId]));
    return work(tx);
  });
}

/** Binds a transaction to the tenant in $1, until it ends. */
const BIND = `select set_config('role', 'reeve_tenant', true), set_config('reeve.tenant', $1, true)`;
const BIND_AND_KEEP = `${BIND}, ${settingCalls(KEPT_PLANS, 'transaction')}`;

/** Whether a statement is one whose answer nobody reads: the transaction has failed where it has. */
export function isSetting(text: string): boolean {
  return text === BIND || text === BIND_AND_KEEP;
}
