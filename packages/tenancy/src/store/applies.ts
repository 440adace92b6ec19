import { sql, type RawBuilder } from 'kysely';
import type { CallOwner } from '../metering.ts';

/** Whose budgets a call is counted against. */
export type BudgetOwner = Pick<CallOwner, 'tenantId' | 'personaId' | 'agentId' | 'rootRunId'>;

/** A row (scope, ref) for each budget that an owner's calls may be counted against; a null ref is no budget. */
export function scopesOf({ personaId, agentId, rootRunId }: BudgetOwner): RawBuilder<unknown> {
  return sql`(values ('tenant', ''), ('persona', ${personaId}::text), ('agent', ${agentId}::text), ('run', ${rootRunId}::text))`;
}

/** The same of a row of `model_calls` that is called `name`. */
export function scopesOfCall(name: string): RawBuilder<unknown> {
  const column = (of: string) => sql.ref(`${name}.${of}`);
  return sql`(values ('tenant', ''), ('persona', ${column('persona_id')}::text), ('agent', ${column('agent_id')}), ('run', ${column('root_run_id')}::text))`;
}
