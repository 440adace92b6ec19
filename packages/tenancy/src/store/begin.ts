import type { Db } from '@reeve/db';
import { sql } from 'kysely';
import type { StoredBudget } from '../budget.ts';
import type { CallAttempt, CallOwner } from '../metering.ts';
import { scopesOf } from './applies.ts';
import { budgetOf, type BudgetRow } from './row.ts';

/** What an open call holds at most. */
export interface Reservation {
  readonly input: number;
  readonly output: number;
  /** Null: the price is not known. */
  readonly nano: number | null;
}

/**
 * Reserves what a call may cost in every budget that applies and opens its row, or does neither and answers the budgets
 * that have no room. The budgets' rows are locked in the order of their key, so that calls with several don't wait for
 * each other in a circle; a call that was waited for is reckoned with, since a locked row is read as it is then.
 */
export async function insertOpenCall(
  db: Db,
  id: string,
  owner: CallOwner,
  { provider, model, attempt, price }: CallAttempt,
  { input, output, nano }: Reservation,
  holdMs: number,
): Promise<StoredBudget[]> {
  const tokens = sql`${input + output}::bigint`;
  const { rows } = await sql<BudgetRow>`
    with locked as materialized (
      select b.scope, b.ref, b.limit_tokens, b.spent_tokens, b.reserved_tokens, b.limit_nano, b.spent_nano, b.reserved_nano,
        coalesce(b.spent_tokens + b.reserved_tokens + ${tokens} <= b.limit_tokens, b.limit_tokens is null)
          and (b.limit_nano is null or coalesce(b.spent_nano + b.reserved_nano + ${nano}::bigint <= b.limit_nano, false)) as has_room
      from ${scopesOf(owner)} as a (scope, ref) join budgets b on b.tenant_id = ${owner.tenantId} and b.scope = a.scope and b.ref = a.ref
      where b.limit_tokens is not null or b.limit_nano is not null
      order by b.scope, b.ref for update of b
    ), held as (
      update budgets b set reserved_tokens = b.reserved_tokens + ${tokens}, reserved_nano = b.reserved_nano + ${nano ?? 0}::bigint
      from locked l
      where b.tenant_id = ${owner.tenantId} and b.scope = l.scope and b.ref = l.ref and (select bool_and(has_room) from locked)
    ), opened as (
      insert into model_calls (id, tenant_id, run_id, root_run_id, step, agent_id, persona_id, user_id, trace_id,
        provider, model, attempt, input_nano, cached_nano, output_nano,
        reserved_input, reserved_output, reserved_nano, held_in, expires_at)
      select ${id}::uuid, ${owner.tenantId}, ${owner.runId}::uuid, ${owner.rootRunId}::uuid, ${owner.step}::int, ${owner.agentId},
        ${owner.personaId}::uuid, ${owner.userId}, ${owner.traceId}, ${provider}, ${model}, ${attempt}::int,
        ${price?.inputNano ?? null}::float8, ${price?.cachedInputNano ?? null}::float8, ${price?.outputNano ?? null}::float8,
        ${input}::bigint, ${output}::bigint, ${nano ?? 0}::bigint,
        array(select scope from locked), reeve_now() + ${holdMs} * interval '1 ms'
      where (select coalesce(bool_and(has_room), true) from locked)
    )
    select scope, ref, limit_tokens, spent_tokens, reserved_tokens, limit_nano, spent_nano, reserved_nano
    from locked where not has_room`.execute(db);
  return rows.map(budgetOf);
}
