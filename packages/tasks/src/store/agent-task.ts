import type { Db, Tx } from '@reeve/db';
import { sql } from 'kysely';

/** Lets one transaction at a time add to what agents make in a trace. */
export async function lockTrace(tx: Tx, tenantId: string, traceId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`trace ${tenantId} ${traceId}`}, 0))`.execute(tx);
}

/** How many tasks of a trace agents have made. */
export async function countMadeByAgents(db: Db, tenantId: string, traceId: string): Promise<number> {
  const { count } = await db
    .selectFrom('tasks')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('tenant_id', '=', tenantId)
    .where('trace_id', '=', traceId)
    .where('created_by_user_id', 'like', 'agent:%')
    .executeTakeFirstOrThrow();
  return count;
}
