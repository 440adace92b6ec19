import { now, type Db } from '@reeve/db';
import { sql } from 'kysely';
import type { RunRecord, ToolStep, Used } from '../run.ts';

/** A child run as the run that waits for it sees it. */
export interface ChildRun {
  readonly id: string;
  /** The step that opened it. */
  readonly step: number;
  readonly agent: string;
  readonly sessionId: string;
  readonly status: RunRecord['status'];
  readonly result: string | null;
  readonly errorMessage: string | null;
  readonly durationMs: number;
}

/** Whether a child run is still to come to its end. */
export function isUnended({ status }: ChildRun): boolean {
  return status === 'queued' || status === 'running';
}

/** The child runs that pending steps of a run wait for. */
export async function selectAwaited(db: Db, runId: string): Promise<ChildRun[]> {
  const rows = await db
    .selectFrom('steps')
    .innerJoin('runs', 'runs.id', 'steps.child_run_id')
    .innerJoin('agents', 'agents.id', 'runs.agent_id')
    .selectAll('runs')
    .select(['steps.number', 'agents.slug'])
    .where('steps.run_id', '=', runId)
    .where('steps.status', '=', 'pending')
    .orderBy('steps.number')
    .execute();
  return rows.map((row) => ({
    id: row.id,
    step: row.number,
    agent: row.slug,
    sessionId: row.session_id,
    status: row.status as ChildRun['status'],
    result: row.result,
    errorMessage: row.error_message,
    durationMs: row.ended_at === null ? 0 : row.ended_at.getTime() - row.created_at.getTime(),
  }));
}

/** The agents of a run and of those that wait for it, up to the root. */
export async function selectLine(db: Db, runId: string): Promise<string[]> {
  const { rows } = await sql<{ agent_id: string }>`
    with recursive line as (
      select parent_run_id, agent_id from runs where id = ${runId}
      union all
      select r.parent_run_id, r.agent_id from line l join runs r on r.id = l.parent_run_id
    )
    select agent_id from line`.execute(db);
  return rows.map(({ agent_id }) => agent_id);
}

/** What the runs below a root used together. */
export async function selectUsedBelow(db: Db, rootRunId: string): Promise<Used> {
  const { rows } = await sql<Record<'input' | 'output' | 'cached' | 'reasoning', number> & { cost_usd: string | null }>`
    select coalesce(sum(input_tokens), 0)::int8 as input, coalesce(sum(output_tokens), 0)::int8 as output,
      coalesce(sum(cached_tokens), 0)::int8 as cached, coalesce(sum(reasoning_tokens), 0)::int8 as reasoning,
      case when count(*) = count(cost_usd) then coalesce(sum(cost_usd), 0) end as cost_usd
    from runs where root_run_id = ${rootRunId}`.execute(db);
  const { input, output, cached, reasoning, cost_usd } = rows[0]!;
  return {
    inputTokens: input,
    outputTokens: output,
    cachedTokens: cached,
    reasoningTokens: reasoning,
    costNano: cost_usd === null ? null : Math.round(Number(cost_usd) * 1e9),
  };
}

/** How many runs there are below a root. */
export async function countTree(db: Db, rootRunId: string): Promise<number> {
  const { count } = await db
    .selectFrom('runs')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('root_run_id', '=', rootRunId)
    .executeTakeFirstOrThrow();
  return count;
}

/** Whether an agent has worked in a session for a run of another session. */
export async function selectEarlierWork(
  db: Db,
  tenantId: string,
  { sessionId, agentId, forSession }: { sessionId: string; agentId: string; forSession: string },
): Promise<boolean> {
  const { rows } = await sql`
    select 1 from runs c join runs p on p.id = c.parent_run_id
    where c.tenant_id = ${tenantId} and c.session_id = ${sessionId} and c.agent_id = ${agentId} and p.session_id = ${forSession}
    limit 1`.execute(db);
  return rows.length > 0;
}

/** Begins a pending step, for that attempt, which waits for a child run from now on. */
export async function updateOpened(db: Db, runId: string, step: ToolStep, childRunId: string): Promise<void> {
  await db
    .updateTable('steps')
    .set({ attempt: step.attempt, started_at: now, child_run_id: childRunId })
    .where('run_id', '=', runId)
    .where('number', '=', step.number)
    .execute();
}
