import type { Db } from '@reeve/db';
import { sql, type RawBuilder } from 'kysely';
import type { CallEnd } from '../metering.ts';
import { scopesOfCall } from './applies.ts';

/** How a call ended; nobody knows how long one took whose process died. */
export type Ending = Omit<CallEnd, 'latencyMs'> & { readonly latencyMs: number | null };

/** Settles a call that is open still, and answers whether it was. */
export async function settleCallAs(db: Db, tenantId: string, id: string, ending: Ending): Promise<boolean> {
  const { outcome, usage, estimated, firstTokenMs, latencyMs } = ending;
  const ended = sql`
    select *, ${outcome}::text as ended_as, ${usage.input}::bigint as input, ${usage.output}::bigint as output,
      ${usage.cached}::bigint as cached, ${usage.reasoning}::bigint as reasoning, ${estimated}::boolean as is_estimated,
      ${firstTokenMs}::int as took_first_ms, ${latencyMs}::int as took_ms
    from model_calls where id = ${id} and tenant_id = ${tenantId} and status = 'open' for update`;
  return (await settle(db, ended)) === 1;
}

/**
 * Settles the open calls of all tenants that outlived what they were expected to take, the eldest first, at the most that
 * they may have cost. Leaves out those that somebody else is settling. Answers how many it settled.
 */
export function settleExpired(db: Db, limit: number): Promise<number> {
  const expired = sql`
    select *, 'crashed' as ended_as, reserved_input as input, reserved_output as output, 0::bigint as cached, 0::bigint as reasoning,
      true as is_estimated, null::int as took_first_ms, null::int as took_ms
    from model_calls where status = 'open' and expires_at <= reeve_now()
    order by expires_at limit ${limit} for update skip locked`;
  return settle(db, expired);
}

/**
 * Settles the calls that `ended` selects and locks: writes down how they ended, gives back what each had reserved and adds
 * what it used to every budget that applies. The cost is reckoned as `costNano` does. Calls are locked before budgets, and
 * budgets in the order of their key, as everywhere.
 */
async function settle(db: Db, ended: RawBuilder<unknown>): Promise<number> {
  const { rows } = await sql<{ settled: number }>`
    with ended as materialized (${ended}), priced as (
      select *, ceil((input - cached) * input_nano + cached * cached_nano + output * output_nano)::bigint as cost from ended
    ), settled as (
      update model_calls c set status = 'settled', outcome = p.ended_as, input_tokens = p.input, output_tokens = p.output,
        cached_tokens = p.cached, reasoning_tokens = p.reasoning, cost_nano = p.cost, estimated = p.is_estimated,
        first_token_ms = p.took_first_ms, latency_ms = p.took_ms, ended_at = reeve_now()
      from priced p where c.id = p.id
    ), moves as (
      select p.tenant_id, a.scope, a.ref, sum(p.input + p.output)::bigint as used_tokens, sum(coalesce(p.cost, 0))::bigint as used_nano,
        coalesce(sum(p.reserved_input + p.reserved_output) filter (where a.scope = any(p.held_in)), 0)::bigint as freed_tokens,
        coalesce(sum(p.reserved_nano) filter (where a.scope = any(p.held_in)), 0)::bigint as freed_nano
      from priced p cross join lateral ${scopesOfCall('p')} as a (scope, ref)
      where a.ref is not null
      group by p.tenant_id, a.scope, a.ref
    ), locked as materialized (
      select m.* from moves m join budgets b on b.tenant_id = m.tenant_id and b.scope = m.scope and b.ref = m.ref
      order by b.tenant_id, b.scope, b.ref for update of b
    ), moved as (
      update budgets b set spent_tokens = b.spent_tokens + l.used_tokens, spent_nano = b.spent_nano + l.used_nano,
        reserved_tokens = b.reserved_tokens - l.freed_tokens, reserved_nano = b.reserved_nano - l.freed_nano
      from locked l where b.tenant_id = l.tenant_id and b.scope = l.scope and b.ref = l.ref
    )
    select count(*)::int as settled from ended`.execute(db);
  return rows[0]?.settled ?? 0;
}
