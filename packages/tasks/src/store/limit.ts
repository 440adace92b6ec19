import type { Db } from '@reeve/db';
import { sql } from 'kysely';

/** How many tasks may be in progress at once. */
export interface Limit {
  readonly tenantId: string;
  /** '' for the whole tenant. */
  readonly agentId: string;
  readonly maxRunning: number;
}

/** Every limit there is. */
export async function selectLimits(db: Db): Promise<Limit[]> {
  const rows = await db.selectFrom('concurrency_limits').select(['tenant_id', 'agent_id', 'max_running']).execute();
  return rows.map(fromRow);
}

/** The limits of these tenants, locked until the transaction ends, but for those that somebody else has locked. */
export async function lockFreeLimits(db: Db, tenantIds: readonly string[]): Promise<Limit[]> {
  const { rows } = await sql<Row>`
    select tenant_id, agent_id, max_running from concurrency_limits
    where tenant_id = any(${[...tenantIds]}::text[]) order by tenant_id, agent_id for update skip locked`.execute(db);
  return rows.map(fromRow);
}

/** The limits of a tenant, the whole tenant's first. */
export async function selectLimitsOf(db: Db, tenantId: string): Promise<Limit[]> {
  const rows = await db
    .selectFrom('concurrency_limits')
    .select(['tenant_id', 'agent_id', 'max_running'])
    .where('tenant_id', '=', tenantId)
    .orderBy('agent_id')
    .execute();
  return rows.map(fromRow);
}

/** The same, locked until the transaction ends. */
export async function lockLimitsOf(db: Db, tenantId: string): Promise<Limit[]> {
  const { rows } = await sql<Row>`
    select tenant_id, agent_id, max_running from concurrency_limits where tenant_id = ${tenantId} order by agent_id for update`.execute(
    db,
  );
  return rows.map(fromRow);
}

export async function upsertLimit(db: Db, tenantId: string, agentId: string, maxRunning: number): Promise<void> {
  await db
    .insertInto('concurrency_limits')
    .values({ tenant_id: tenantId, agent_id: agentId, max_running: maxRunning })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'agent_id']).doUpdateSet({ max_running: maxRunning }))
    .execute();
}

export async function deleteLimit(db: Db, tenantId: string, agentId: string): Promise<void> {
  await db.deleteFrom('concurrency_limits').where('tenant_id', '=', tenantId).where('agent_id', '=', agentId).execute();
}

interface Row {
  readonly tenant_id: string;
  readonly agent_id: string;
  readonly max_running: number;
}

function fromRow(row: Row): Limit {
  return { tenantId: row.tenant_id, agentId: row.agent_id, maxRunning: row.max_running };
}
