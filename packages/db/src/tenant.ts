import { sql } from 'kysely';
import type { Db, Tx } from './database.ts';

/**
 * One transaction that sees and writes rows of one tenant only: row-level security holds in it, whatever its
 * queries forget to say. Inside it use only the `tx` it is given; the outer database would wait for itself.
 */
export function inTenant<T>(db: Db, tenantId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
  return db.transaction().execute(async (tx) => {
    // Without parameters, so that it goes with the `begin`.
    await sql`select set_config('role', 'reeve_tenant', true), set_config('reeve.tenant', ${sql.lit(tenantId)}, true)`.execute(
      tx,
    );
    return work(tx);
  });
}
