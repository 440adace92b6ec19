import type { Db, Tx } from '@reeve/db';
import { sql } from 'kysely';

/** Lets one transaction at a time add to what agents make in a trace. */
export async function lockTrace(tx: Tx, tenantId: string, traceId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`trace ${tenantId} ${traceId}`}, 0))`.execute(tx);
}

/**
 * How many tasks of a trace agents have made in the last 24 hours. Only their tasks have an id made from a key, a UUID of version 8
 * (`idOf`); the name of who made one proves nothing, since a user can be called "agent:x".
 */
export async function countMadeByAgents(db: Db, tenantId: string, traceId: string): Promise<number> {
  const { count } = await db
    .selectFrom('tasks')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('tenant_id', '=', tenantId)
    .where('trace_id', '=', traceId)
    .where(sql<boolean>`substr(id::text, 15, 1) = '8'`)
    .where('created_at', '>', sql<Date>`reeve_now() - interval '24 hours'`)
    .executeTakeFirstOrThrow();
  return count;
}
