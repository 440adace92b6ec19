import type { Statement } from '@reeve/db';
import { usdOf } from '@reeve/ledger';
import type { Used } from '../run.ts';
import type { StoredEvent } from './event.ts';
import type { NewStep } from './step.ts';

/** A pending step that has been worked on. */
export interface SettledStep {
  readonly number: number;
  /** What it came to, as it is kept. */
  readonly output: unknown;
  readonly outcome: string;
  /** What it used, which is counted to the run. */
  readonly used?: Used;
}

/** The rows of a run that change together. */
export interface Change {
  readonly settled: readonly SettledStep[];
  /** Steps that come into being, pending but for messages. */
  readonly begun: readonly NewStep[];
  /** Pending steps that are begun once more. */
  readonly again: readonly number[];
  readonly events: readonly StoredEvent[];
}

/** Whose change it is: the holder of a task's lease. */
export interface Holder {
  readonly tenantId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly epoch: number;
}

/**
 * Writes a change, and keeps the lease locked until the transaction ends. It answers a row; none, having changed nothing, where the
 * lease is somebody else's.
 */
export function changeStatement(holder: Holder, change: Change): Statement {
  const { settled, begun, again, events } = change;
  const used = settled.flatMap((step) => step.used ?? []);
  const parameters = [
    holder.tenantId,
    holder.runId,
    holder.taskId,
    holder.epoch,
    settled.length === 0 ? null : JSON.stringify(settled.map(settledRow)),
    used.length === 0 ? null : JSON.stringify(used.map(usedRow)),
    again.length === 0 ? null : again,
    begun.length === 0 ? null : JSON.stringify(begun.map(newRow)),
    events.length === 0 ? null : JSON.stringify(events),
  ];
  return { text: WRITE, parameters };
}

const WRITE = `
  with lease as materialized (
    select 1 from leases where task_id = $3::uuid and epoch = $4::int8 for update
  ), settled as (
    update steps s set status = 'settled', output = c.output, outcome = c.outcome, ended_at = reeve_now(),
      input_tokens = c.input_tokens, output_tokens = c.output_tokens, cost_usd = c.cost_usd
    from lease, json_to_recordset($5::json) as c (number int, output jsonb, outcome text,
      input_tokens int, output_tokens int, cost_usd numeric)
    where s.run_id = $2::uuid and s.number = c.number and s.status = 'pending'
  ), spent as (
    update runs r set input_tokens = r.input_tokens + u.input, output_tokens = r.output_tokens + u.output,
      cached_tokens = r.cached_tokens + u.cached, reasoning_tokens = r.reasoning_tokens + u.reasoning, cost_usd = r.cost_usd + u.cost
    from lease, (
      select sum(input)::int4 as input, sum(output)::int4 as output, sum(cached)::int4 as cached, sum(reasoning)::int4 as reasoning,
        case when count(*) = count(cost) then sum(cost) end as cost
      from json_to_recordset($6::json) as u (input int, output int, cached int, reasoning int, cost numeric)
    ) as u
    where r.id = $2::uuid and u.input is not null
  ), again as (
    update steps s set attempt = s.attempt + 1, started_at = reeve_now()
    from lease where s.run_id = $2::uuid and s.number = any($7::int[])
  ), begun as (
    insert into steps (run_id, number, tenant_id, kind, name, tool_call_id, input, status, output, outcome, attempt, started_at, ended_at)
    select $2::uuid, b.number, $1::text, b.kind, b.name, b.call_id, coalesce(b.input, 'null'::jsonb), b.status, b.output,
      case b.status when 'settled' then 'success' end, b.attempt, reeve_now(), case b.status when 'settled' then reeve_now() end
    from lease, json_to_recordset($8::json) as b (number int, kind text, name text, call_id text, input jsonb,
      status text, output jsonb, attempt int)
  ), told as (
    insert into events (run_id, seq, tenant_id, type, data, created_at)
    select $2::uuid, e.seq, $1::text, e.type, e.data, e.at
    from lease, json_to_recordset($9::json) as e (seq int, type text, data jsonb, at timestamptz)
  )
  select 1 as held from lease`;

function settledRow({ number, output, outcome, used }: SettledStep) {
  return {
    number,
    output,
    outcome,
    ...(used && { input_tokens: used.inputTokens, output_tokens: used.outputTokens, cost_usd: costOf(used) }),
  };
}

function usedRow(used: Used) {
  const { inputTokens: input, outputTokens: output, cachedTokens: cached, reasoningTokens: reasoning } = used;
  return { input, output, cached, reasoning, cost: costOf(used) };
}

function newRow({ number, kind, name, callId, input, status, output, attempt }: NewStep) {
  return { number, kind, name, call_id: callId, input, status, output, attempt };
}

function costOf({ costNano }: Used): string | null {
  return costNano === null ? null : usdOf(costNano);
}
