import { journalInsert } from '@reeve/audit';
import { runStatement, runText, type Db, type Statement } from '@reeve/db';
import type { StoredBudget } from '../budget.ts';
import { COST_NANO } from '../cost.ts';
import type { CallAttempt, CallEnd, CallOwner } from '../metering.ts';
import { scopesOfCall } from './applies.ts';
import { budgetOf, type BudgetRow } from './row.ts';

/** An attempt that is about to be sent, with what it holds at most. */
export interface NewCall {
  readonly id: string;
  readonly owner: CallOwner;
  readonly attempt: CallAttempt;
  readonly input: number;
  readonly output: number;
  /** Null: the price is not known. */
  readonly nano: number | null;
  /** When it expires, from now. */
  readonly holdMs: number;
}

/** How a call ended; nobody knows how long one took whose process died. */
export type Ending = Omit<CallEnd, 'latencyMs'> & { readonly latencyMs: number | null };

/** A call, and how it ended. */
export interface EndedCall {
  readonly tenantId: string;
  readonly id: string;
  readonly ending: Ending;
}

/** What came of booking. */
export interface Booked {
  /** Ids of the calls that were settled: those that had not been. */
  readonly settled: readonly string[];
  /** Budgets that have no room for all the calls that were to begin, none of which did. */
  readonly full: readonly StoredBudget[];
}

/**
 * Settles calls that are open still, and opens others with what they may cost reserved in every budget that applies: all of
 * these, or none where a budget has no room. One statement for both, since each waits for the disk and for the same budgets.
 */
export async function bookCalls(db: Db, begun: readonly NewCall[], ended: readonly EndedCall[]): Promise<Booked> {
  return bookedOf(await runStatement<BookRow>(db, bookStatement(begun, ended)));
}

/** The same as a statement, for whoever runs it together with others; `bookedOf` says what its rows mean. */
export function bookStatement(begun: readonly NewCall[], ended: readonly EndedCall[]): Statement {
  return { text: BOOK, parameters: [JSON.stringify(begun.map(openedRow)), JSON.stringify(ended.map(endedRow))] };
}

/** A call that was settled, or a budget that is full. */
export type BookRow = ({ id: string } & Record<keyof BudgetRow, null>) | ({ id: null } & BudgetRow);

export function bookedOf(rows: readonly BookRow[]): Booked {
  return {
    settled: rows.flatMap(({ id }) => id ?? []),
    full: rows.flatMap((row) => (row.id === null ? budgetOf(row) : [])),
  };
}

/**
 * Settles the open calls of all tenants that outlived what they were expected to take, the eldest first, at the most that
 * they may have cost. Leaves out those that somebody else is settling. Answers how many it settled.
 */
export async function settleExpired(db: Db, limit: number): Promise<number> {
  return bookedOf(await runText<BookRow>(db, EXPIRE, ['[]', limit])).settled.length;
}

const HELD = `c.id, c.created_at, c.tenant_id, c.persona_id, c.agent_id, c.root_run_id, c.input_nano, c.cached_nano, c.output_nano,
  c.reserved_input, c.reserved_output, c.reserved_nano, c.held_in`;

/** Those that are known, in $2. */
const KNOWN = `
    select ${HELD}, e.ended_as, e.input, e.output, e.cached, e.reasoning, e.is_estimated, e.took_first_ms, e.took_ms
    from json_to_recordset($2::text::json) as e (id uuid, tenant_id text, ended_as text,
      input bigint, output bigint, cached bigint, reasoning bigint, is_estimated boolean, took_first_ms int, took_ms int)
    join model_calls c on c.id = e.id and c.tenant_id = e.tenant_id
    where c.status = 'open' order by c.id for update of c`;

/** Those that outlived their time, $2 at the most. */
const EXPIRED = `
    select ${HELD}, 'crashed' as ended_as, c.reserved_input as input, c.reserved_output as output, 0::bigint as cached,
      0::bigint as reasoning, true as is_estimated, null::int as took_first_ms, null::int as took_ms
    from model_calls c where c.status = 'open' and c.expires_at <= reeve_now()
    order by c.expires_at limit $2::int8 for update skip locked`;

/** The journal entry of a budget that has reached a threshold. */
const ALERTS = journalInsert({
  values: {
    tenantId: 'tenant_id',
    type: `'budget_alert'`,
    agentId: `case scope when 'agent' then ref end`,
    actor: `'system'`,
    summary: `case percent when 100 then 'no call fits any more into the budget of ' else '80 % are used of the budget of ' end
          || case scope when 'tenant' then 'the tenant' when 'month' then 'persona '||replace(ref, ':', ' in ') else scope||' '||ref end`,
    details: `jsonb_build_object('scope', scope, 'ref', ref, 'percent', percent, 'spent_tokens', spent_tokens, 'limit_tokens', limit_tokens,
          'spent_usd', (spent_nano/1e9)::numeric(20, 9)::text, 'limit_usd', (limit_nano/1e9)::numeric(20, 9)::text)`,
  },
  from: 'told where percent > alerted',
});

/**
 * `ended` selects and locks the calls to settle; $1 are those that begin. Calls are locked before budgets, and budgets in the order
 * of their key, as everywhere, so that nobody waits for another in a circle; what was waited for is reckoned with, since a locked
 * row is read as it is then.
 */
function textOf(ended: string): string {
  return `
    with ended as materialized (${ended}), priced as (
      select id, created_at, tenant_id, persona_id, agent_id, root_run_id, reserved_input, reserved_output, reserved_nano, held_in,
        ended_as, input, output, cached, reasoning, is_estimated, took_first_ms, took_ms,
        ${COST_NANO} as cost
      from ended
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
    ), clock as materialized (
      select reeve_now() as at
    ), begun as materialized (
      select at as created_at, id, tenant_id, run_id, root_run_id, step, agent_id, persona_id, user_id, trace_id, provider, model, attempt,
        input_nano, cached_nano, output_nano, input, output, nano, hold_ms
      from json_to_recordset($1::text::json) as a (id uuid, tenant_id text, run_id uuid,
        root_run_id uuid, step int, agent_id text, persona_id uuid, user_id text, trace_id text, provider text, model text, attempt int,
        input_nano float8, cached_nano float8, output_nano float8, input bigint, output bigint, nano bigint, hold_ms bigint) cross join clock
    ), needs as (
      select b.tenant_id, a.scope, a.ref, sum(b.input + b.output)::bigint as tokens, sum(coalesce(b.nano, 0))::bigint as nano,
        bool_and(b.nano is not null) as has_price
      from begun b cross join lateral ${scopesOfCall('b')} as a (scope, ref)
      where a.ref is not null
      group by b.tenant_id, a.scope, a.ref
    ), changes as materialized (
      select tenant_id, scope, ref, m.used_tokens is not null as is_moved, n.tokens is not null as is_needed,
        coalesce(n.has_price, true) as has_price, coalesce(n.tokens, 0) as tokens, coalesce(n.nano, 0) as nano,
        coalesce(m.used_tokens, 0) as used_tokens, coalesce(m.used_nano, 0) as used_nano,
        coalesce(m.freed_tokens, 0) as freed_tokens, coalesce(m.freed_nano, 0) as freed_nano
      from moves m full join needs n using (tenant_id, scope, ref)
    ), locked as materialized (
      select b.tenant_id, b.scope, b.ref, b.limit_tokens, b.limit_nano, c.is_moved, c.tokens, c.nano,
        c.used_tokens, c.used_nano, c.freed_tokens, c.freed_nano,
        b.spent_tokens + c.used_tokens as spent_tokens, b.reserved_tokens - c.freed_tokens as reserved_tokens,
        b.spent_nano + c.used_nano as spent_nano, b.reserved_nano - c.freed_nano as reserved_nano,
        b.limit_tokens is not null or b.limit_nano is not null as is_limited, b.alerted,
        not c.is_needed or (
          (b.limit_tokens is null or b.spent_tokens + c.used_tokens + b.reserved_tokens - c.freed_tokens + c.tokens <= b.limit_tokens)
          and (b.limit_nano is null or
            (c.has_price and b.spent_nano + c.used_nano + b.reserved_nano - c.freed_nano + c.nano <= b.limit_nano))) as has_room
      from changes c join budgets b on b.tenant_id = c.tenant_id and b.scope = c.scope and b.ref = c.ref
      where c.is_moved or b.limit_tokens is not null or b.limit_nano is not null
      order by b.tenant_id, b.scope, b.ref for update of b
    ), room as materialized (
      select coalesce(bool_and(has_room), true) as is_there from locked
    ), told as materialized (
      select tenant_id, scope, ref, alerted, limit_tokens, spent_tokens, limit_nano, spent_nano,
        case when spent_tokens >= limit_tokens or spent_nano >= limit_nano
            or (not has_room and reserved_tokens <= 0 and reserved_nano <= 0 and (select count(*) from begun) = 1
              and (spent_tokens*100 >= limit_tokens*80 or spent_nano*100.0 >= limit_nano*80.0)) then 100
          when spent_tokens*100 >= limit_tokens*80 or spent_nano*100.0 >= limit_nano*80.0 then 80 else 0 end as percent
      from locked where is_limited and scope <> 'run'
    ), alerts as (
      ${ALERTS}
    ), moved as (
      update budgets b set alerted = greatest(b.alerted, coalesce(t.percent, 0)), spent_tokens = b.spent_tokens + l.used_tokens, spent_nano = b.spent_nano + l.used_nano,
        reserved_tokens = b.reserved_tokens - l.freed_tokens + case when r.is_there and l.is_limited then l.tokens else 0 end,
        reserved_nano = b.reserved_nano - l.freed_nano + case when r.is_there and l.is_limited then l.nano else 0 end
      from locked l left join told t using (tenant_id, scope, ref), room r
      where b.tenant_id = l.tenant_id and b.scope = l.scope and b.ref = l.ref and (l.is_moved or r.is_there or t.percent > b.alerted)
    ), opened as (
      insert into model_calls (id, tenant_id, run_id, root_run_id, step, agent_id, persona_id, user_id, trace_id,
        provider, model, attempt, input_nano, cached_nano, output_nano,
        reserved_input, reserved_output, reserved_nano, held_in, created_at, expires_at)
      select b.id, b.tenant_id, b.run_id, b.root_run_id, b.step, b.agent_id, b.persona_id, b.user_id, b.trace_id,
        b.provider, b.model, b.attempt, b.input_nano, b.cached_nano, b.output_nano, b.input, b.output, coalesce(b.nano, 0),
        array(select l.scope from ${scopesOfCall('b')} as a (scope, ref)
          join locked l on l.tenant_id = b.tenant_id and l.scope = a.scope and l.ref = a.ref where l.is_limited),
        b.created_at, b.created_at + make_interval(secs => b.hold_ms/1000.0)
      from begun b, room r where r.is_there
    )
    select id, null as scope, null as ref, null as limit_tokens, null as spent_tokens, null as reserved_tokens,
      null as limit_nano, null as spent_nano, null as reserved_nano from ended
    union all
    select null, scope, ref, limit_tokens, spent_tokens, reserved_tokens, limit_nano, spent_nano, reserved_nano
    from locked where not has_room`;
}

const BOOK = textOf(KNOWN);
const EXPIRE = textOf(EXPIRED);

function openedRow({ id, owner, attempt, input, output, nano, holdMs }: NewCall) {
  return {
    id,
    tenant_id: owner.tenantId,
    run_id: owner.runId,
    root_run_id: owner.rootRunId,
    step: owner.step,
    agent_id: owner.agentId,
    persona_id: owner.personaId,
    user_id: owner.userId,
    trace_id: owner.traceId,
    provider: attempt.provider,
    model: attempt.model,
    attempt: attempt.attempt,
    input_nano: attempt.price?.inputNano,
    cached_nano: attempt.price?.cachedInputNano,
    output_nano: attempt.price?.outputNano,
    input,
    output,
    nano,
    hold_ms: holdMs,
  };
}

function endedRow({ tenantId, id, ending }: EndedCall) {
  const { outcome, usage, estimated, firstTokenMs, latencyMs } = ending;
  return {
    id,
    tenant_id: tenantId,
    ended_as: outcome,
    ...usage,
    is_estimated: estimated,
    took_first_ms: firstTokenMs,
    took_ms: latencyMs,
  };
}
