import type { Db } from '@reeve/db';
import { sql } from 'kysely';

/** How many tasks may be in progress at once. */
export interface Limit {
  readonly tenantId: string;
  /** '' for the whole tenant. */
  readonly agentId: string;
  readonly maxRunning: number;
}

/** Locks the limits of these tenants until the transaction ends, skipping those that another transaction has locked. */
export async function lockFreeLimits(db: Db, tenantIds: readonly string[]): Promise<Limit[]> {
  const { rows } = await sql<Row>`
    select tenant_id, agent_id, least(max_running, policy_max) as max_running from concurrency_limits
    where tenant_id = any(${[...tenantIds]}::text[]) order by tenant_id, agent_id for update skip locked`.execute(db);
  return rows.map(fromRow);
}

/** The limits of a tenant, the whole tenant's first. */
export async function selectLimitsOf(db: Db, tenantId: string): Promise<Limit[]> {
  const rows = await db
    .selectFrom('concurrency_limits')
    .select(['tenant_id', 'agent_id', LOWER])
    .where('tenant_id', '=', tenantId)
    .orderBy('agent_id')
    .execute();
  return rows.map(fromRow);
}

/** The same, locked until the transaction ends. */
export async function lockLimitsOf(db: Db, tenantId: string): Promise<Limit[]> {
  const { rows } = await sql<Row>`
    select tenant_id, agent_id, least(max_running, policy_max) as max_running from concurrency_limits
    where tenant_id = ${tenantId} order by agent_id for update`.execute(db);
  return rows.map(fromRow);
}

export async function upsertLimit(db: Db, tenantId: string, agentId: string, maxRunning: number): Promise<void> {
  await db
    .insertInto('concurrency_limits')
    .values({ tenant_id: tenantId, agent_id: agentId, max_running: maxRunning })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'agent_id']).doUpdateSet({ max_running: maxRunning }))
    .execute();
}

/** Removes the limit that a person set; the policy's stays. */
export async function deleteLimit(db: Db, tenantId: string, agentId: string): Promise<void> {
  await sql`
    with kept as (
      update concurrency_limits set max_running = null
      where tenant_id = ${tenantId} and agent_id = ${agentId} and policy_max is not null
    )
    delete from concurrency_limits where tenant_id = ${tenantId} and agent_id = ${agentId} and policy_max is null`.execute(
    db,
  );
}

/** Makes these what the policies say of how many tasks each tenant may run at once; of all others they say nothing. */
export async function replacePolicyLimits(
  db: Db,
  limits: readonly { readonly tenantId: string; readonly max: number }[],
): Promise<void> {
  await sql`
    with wanted as materialized (
      select tenant_id, max from json_to_recordset(${JSON.stringify(limits.map(({ tenantId, max }) => ({ tenant_id: tenantId, max })))}::text::json)
        as w (tenant_id text, max int)
    ), loosened as (
      update concurrency_limits set policy_max = null
      where policy_max is not null and max_running is not null and tenant_id not in (select tenant_id from wanted)
    ), gone as (
      delete from concurrency_limits
      where policy_max is not null and max_running is null and tenant_id not in (select tenant_id from wanted)
    )
    insert into concurrency_limits (tenant_id, agent_id, policy_max)
    select w.tenant_id, '', w.max from wanted w join tenants t on t.tenant_id = w.tenant_id
    on conflict (tenant_id, agent_id) do update set policy_max = excluded.policy_max
      where concurrency_limits.policy_max is distinct from excluded.policy_max`.execute(db);
}

/** Of what was set and what the policy says. */
const LOWER = sql<number>`least(max_running, policy_max)`.as('max_running');

interface Row {
  readonly tenant_id: string;
  readonly agent_id: string;
  readonly max_running: number;
}

function fromRow(row: Row): Limit {
  return { tenantId: row.tenant_id, agentId: row.agent_id, maxRunning: row.max_running };
}
