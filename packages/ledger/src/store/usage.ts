import type { ModelCall, UsageGroup, UsageGrouping, UsageTotals } from '@reeve/contract';
import type { Db, Tables } from '@reeve/db';
import { sql, type RawBuilder, type Selectable } from 'kysely';
import { usdOf } from '../metering.ts';

/** Calls that began at or after `from` and before `to`. */
export interface Range {
  readonly from: Date;
  readonly to: Date;
}

interface Paging {
  readonly limit: number;
  readonly offset: number;
}

/** What the calls of a tenant used, in all. */
export async function selectTotals(db: Db, tenantId: string, range: Range): Promise<UsageTotals> {
  const { rows } = await sql<SumsRow>`select ${SUMS} from model_calls where ${inRange(tenantId, range)}`.execute(db);
  return totalsOf(rows[0]!);
}

/** What they used by group: days in their order, other groups by cost, the dearest first. */
export async function listUsageGroups(
  db: Db,
  tenantId: string,
  range: Range,
  grouping: Exclude<UsageGrouping, 'none'>,
  { limit, offset }: Paging,
): Promise<{ groups: UsageGroup[]; total: number }> {
  const order = grouping === 'day' ? sql`key` : sql`cost_nano desc nulls last, input_tokens + output_tokens desc, key`;
  const { rows } = await sql<SumsRow & { key: string | null; total: number }>`
    select *, count(*) over () as total from (
      select ${KEYS[grouping]} as key, ${SUMS} from model_calls where ${inRange(tenantId, range)} group by 1
    ) as groups order by ${order} limit ${limit} offset ${offset}`.execute(db);
  const total = rows[0]?.total ?? (offset === 0 ? 0 : await countGroups(db, tenantId, range, grouping));
  return { groups: rows.map((row) => ({ key: row.key, ...totalsOf(row) })), total };
}

export interface CallFilter {
  readonly runId?: string | undefined;
  readonly agentId?: string | undefined;
  readonly model?: string | undefined;
  readonly outcome?: string | undefined;
}

/** Calls that are counted for a list's total; a count of millions would take longer than the page. */
const COUNTED = 10_000;

/** A page of a tenant's calls, newest first. The total counts up to 10,000. */
export async function listCalls(
  db: Db,
  tenantId: string,
  { runId, agentId, model, outcome }: CallFilter,
  { limit, offset }: Paging,
): Promise<{ calls: ModelCall[]; total: number }> {
  let found = db.selectFrom('model_calls').where('tenant_id', '=', tenantId);
  if (runId !== undefined) found = found.where('run_id', '=', runId);
  if (agentId !== undefined) found = found.where('agent_id', '=', agentId);
  if (model !== undefined) found = found.where('model', '=', model);
  if (outcome !== undefined) found = found.where('outcome', '=', outcome);
  const newest = found.selectAll().orderBy('created_at', 'desc').orderBy('id', 'desc');
  const rows = await newest.limit(limit).offset(offset).execute();
  const { total } = await db
    .selectFrom(found.select('id').limit(COUNTED).as('found'))
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  return { calls: rows.map(callOf), total };
}

/** The open calls of a step with the tokens they have reserved, the last attempt last. */
export async function selectOpenCallsOfStep(
  db: Db,
  tenantId: string,
  runId: string,
  step: number,
): Promise<{ id: string; input: number; output: number }[]> {
  return db
    .selectFrom('model_calls')
    .select(['id', 'reserved_input as input', 'reserved_output as output'])
    .where('tenant_id', '=', tenantId)
    .where('run_id', '=', runId)
    .where('step', '=', step)
    .where('status', '=', 'open')
    .orderBy('created_at')
    .orderBy('id')
    .execute();
}

const KEYS: Readonly<Record<Exclude<UsageGrouping, 'none'>, RawBuilder<unknown>>> = {
  agent: sql`agent_id`,
  persona: sql`persona_id::text`,
  model: sql`model`,
  provider: sql`provider`,
  user: sql`user_id`,
  day: sql`to_char(created_at at time zone 'UTC', 'YYYY-MM-DD')`,
};

interface SumsRow {
  readonly calls: number;
  readonly open_calls: number;
  readonly errors: number;
  readonly estimated_calls: number;
  readonly unpriced_calls: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cached_tokens: number;
  readonly reasoning_tokens: number;
  readonly cost_nano: number | null;
  readonly latency: number[] | null;
  readonly first_token: number[] | null;
}

const SUMS = sql`
  count(*) as calls,
  count(*) filter (where status = 'open') as open_calls,
  count(*) filter (where outcome not in ('ok', 'cancelled', 'abandoned')) as errors,
  count(*) filter (where estimated) as estimated_calls,
  count(*) filter (where status = 'settled' and cost_nano is null) as unpriced_calls,
  coalesce(sum(input_tokens), 0)::bigint as input_tokens,
  coalesce(sum(output_tokens), 0)::bigint as output_tokens,
  coalesce(sum(cached_tokens), 0)::bigint as cached_tokens,
  coalesce(sum(reasoning_tokens), 0)::bigint as reasoning_tokens,
  sum(cost_nano)::bigint as cost_nano,
  percentile_disc(array[0.5, 0.95]) within group (order by latency_ms) as latency,
  percentile_disc(array[0.5, 0.95]) within group (order by first_token_ms) as first_token`;

function inRange(tenantId: string, { from, to }: Range): RawBuilder<unknown> {
  return sql`tenant_id = ${tenantId} and created_at >= ${from} and created_at < ${to}`;
}

async function countGroups(
  db: Db,
  tenantId: string,
  range: Range,
  grouping: Exclude<UsageGrouping, 'none'>,
): Promise<number> {
  const { rows } = await sql<{ total: number }>`
    select count(*) as total from (select ${KEYS[grouping]} from model_calls where ${inRange(tenantId, range)} group by 1) as groups`.execute(
    db,
  );
  return rows[0]!.total;
}

function totalsOf(row: SumsRow): UsageTotals {
  const isUnknown = row.cost_nano === null && row.unpriced_calls > 0;
  return {
    calls: row.calls,
    open_calls: row.open_calls,
    errors: row.errors,
    estimated_calls: row.estimated_calls,
    input_tokens: row.input_tokens,
    output_tokens: row.output_tokens,
    total_tokens: row.input_tokens + row.output_tokens,
    cached_tokens: row.cached_tokens,
    reasoning_tokens: row.reasoning_tokens,
    cost_usd: isUnknown ? null : usdOf(row.cost_nano ?? 0),
    unpriced_calls: row.unpriced_calls,
    latency_ms: { p50: row.latency?.[0] ?? null, p95: row.latency?.[1] ?? null },
    first_token_ms: { p50: row.first_token?.[0] ?? null, p95: row.first_token?.[1] ?? null },
  };
}

function callOf(row: Selectable<Tables['model_calls']>): ModelCall {
  return {
    id: row.id,
    run_id: row.run_id,
    root_run_id: row.root_run_id,
    step: row.step,
    agent_id: row.agent_id,
    persona_id: row.persona_id,
    user_id: row.user_id,
    trace_id: row.trace_id,
    provider: row.provider,
    model: row.model,
    attempt: row.attempt,
    status: row.status as ModelCall['status'],
    outcome: row.outcome,
    reserved_tokens: row.reserved_input + row.reserved_output,
    reserved_usd: row.input_nano === null ? null : usdOf(row.reserved_nano),
    input_tokens: row.input_tokens,
    output_tokens: row.output_tokens,
    cached_tokens: row.cached_tokens,
    reasoning_tokens: row.reasoning_tokens,
    cost_usd: row.cost_nano === null ? null : usdOf(row.cost_nano),
    estimated: row.estimated,
    first_token_ms: row.first_token_ms,
    latency_ms: row.latency_ms,
    created_at: row.created_at.toISOString(),
    ended_at: row.ended_at?.toISOString() ?? null,
  };
}
