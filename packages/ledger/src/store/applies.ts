import { sql, type RawBuilder } from 'kysely';
import type { CallOwner } from '../metering.ts';

/** Whose budgets a call is counted against. */
export type BudgetOwner = Pick<CallOwner, 'tenantId' | 'personaId' | 'agentId' | 'rootRunId'>;

/** A row (scope, ref) for each budget that an owner's calls may be counted against now; a null ref is no budget. */
export function scopesOf({ personaId, agentId, rootRunId }: BudgetOwner): RawBuilder<unknown> {
  const owner = sql`(select ${personaId}::text as persona_id, ${agentId}::text as agent_id, ${rootRunId}::text as root_run_id,
    reeve_now() as created_at)`;
  return sql`(select s.scope, s.ref from ${owner} o cross join lateral ${sql.raw(scopesOfCall('o'))} as s (scope, ref))`;
}

/**
 * The same of a row that is called `name`, has the columns of `model_calls`, and was made at that time. A budget of a month is
 * named by its persona, `default` for the calls of none, and its month in UTC: `default:2026-11`.
 */
export function scopesOfCall(name: string): string {
  const month = `coalesce(${name}.persona_id::text, 'default')||to_char(${name}.created_at at time zone 'UTC', ':YYYY-MM')`;
  return `(values ('tenant', ''), ('month', ${month}), ('persona', ${name}.persona_id::text), ('agent', ${name}.agent_id),
    ('run', ${name}.root_run_id::text))`;
}
