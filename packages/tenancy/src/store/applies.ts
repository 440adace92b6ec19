import { sql, type RawBuilder } from 'kysely';
import type { CallOwner } from '../metering.ts';

/** Whose budgets a call is counted against. */
export type BudgetOwner = Pick<CallOwner, 'tenantId' | 'personaId' | 'agentId' | 'rootRunId'>;

/** A row (scope, ref) for each budget that an owner's calls may be counted against now; a null ref is no budget. */
export function scopesOf({ personaId, agentId, rootRunId }: BudgetOwner): RawBuilder<unknown> {
  return scopes(sql`${personaId}::text`, sql`${agentId}::text`, sql`${rootRunId}::text`, sql`reeve_now()`);
}

/** The same of a row that is called `name`, has the columns of `model_calls`, and was made at that time. */
export function scopesOfCall(name: string): RawBuilder<unknown> {
  const column = (of: string) => sql.ref(`${name}.${of}`);
  return scopes(
    sql`${column('persona_id')}::text`,
    column('agent_id'),
    sql`${column('root_run_id')}::text`,
    column('created_at'),
  );
}

/** A budget of a month is named by its persona, `default` for the calls of none, and its month in UTC: `default:2026-11`. */
function scopes(
  persona: RawBuilder<unknown>,
  agent: RawBuilder<unknown>,
  run: RawBuilder<unknown>,
  at: RawBuilder<unknown>,
): RawBuilder<unknown> {
  return sql`(values ('tenant', ''), ('month', coalesce(${persona}, 'default')||to_char(${at} at time zone 'UTC', ':YYYY-MM')),
    ('persona', ${persona}), ('agent', ${agent}), ('run', ${run}))`;
}
