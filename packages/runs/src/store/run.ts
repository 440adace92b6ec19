import type { Attachment, Run, RunStatus, RunWait } from '@reeve/contract';
import { json, now, type Db, type Tables } from '@reeve/db';
import { sql, type Selectable } from 'kysely';
import { sumUsed, usageOf, type RunRecord, type Used } from '../run.ts';
import { selectUsedBelow } from './child.ts';

export interface RunFilter {
  readonly agent?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly taskId?: string | undefined;
  readonly status?: RunStatus | undefined;
  readonly traceId?: string | undefined;
}

export async function insertRun(
  db: Db,
  run: Omit<RunRecord, 'used' | 'createdAt' | 'startedAt' | 'agentSlug' | 'userId' | 'waitingFor'> & {
    requestId: string | null;
  },
): Promise<void> {
  await db
    .insertInto('runs')
    .values({
      id: run.id,
      tenant_id: run.tenantId,
      task_id: run.taskId,
      agent_id: run.agentId,
      agent_version: run.agentVersion,
      session_id: run.sessionId,
      door: run.source,
      status: run.status,
      input: run.input,
      attachments: run.attachments.length === 0 ? null : json(run.attachments),
      context: json(run.context),
      history_until: run.historyUntil,
      trace_id: run.traceId,
      request_id: run.requestId,
      multitask: run.multitask,
      parent_run_id: run.parentRunId,
      root_run_id: run.rootRunId === run.id ? null : run.rootRunId,
      forked_from: run.forkedFrom,
      fork_step: run.forkStep,
      cost_usd: '0',
      created_at: now,
    })
    .execute();
}

/** Marks a run as running: from its first claim on, which says what of its session came before it, and after a wait. */
export async function updateRunning(db: Db, runId: string, historyUntil?: number): Promise<void> {
  await db
    .updateTable('runs')
    .set({
      status: 'running',
      waiting_for: null,
      started_at: sql<Date>`coalesce(started_at, reeve_now())`,
      ...(historyUntil !== undefined && { history_until: historyUntil }),
    })
    .where('id', '=', runId)
    .execute();
}

/** Marks a run as put aside. */
export async function updateParked(db: Db, runId: string, waitingFor: RunWait): Promise<void> {
  await db.updateTable('runs').set({ status: 'queued', waiting_for: waitingFor }).where('id', '=', runId).execute();
}

/** Marks a run that was put aside as one that waits for nothing but a worker. */
export async function updateResumed(db: Db, runId: string): Promise<void> {
  await db.updateTable('runs').set({ waiting_for: null }).where('id', '=', runId).execute();
}

/**
 * Brings an ended run back, for a retry of its task: settled steps are kept, and what its end had closed is open again. A child
 * run that was cancelled with it is let go, and will be opened anew.
 */
export async function updateRevivedRun(db: Db, runId: string): Promise<void> {
  await db
    .updateTable('runs')
    .set({ status: 'running', result: null, error_code: null, error_message: null, ended_at: null })
    .where('id', '=', runId)
    .execute();
  await db
    .updateTable('steps')
    .set({ status: 'pending', outcome: null, ended_at: null, child_run_id: standingChild, model_waited_since: null })
    .where('run_id', '=', runId)
    .where('outcome', '=', 'cancelled')
    .execute();
}

/** The child run of a step, unless it was cancelled or is about to be. */
const standingChild = sql<string | null>`(select c.id from runs c join tasks t on t.id = c.task_id
  where c.id = steps.child_run_id and c.status <> 'cancelled' and (c.ended_at is not null or not t.cancel_requested))`;

export interface RunEnd {
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly result: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

export async function updateEndedRun(db: Db, runId: string, end: RunEnd): Promise<void> {
  await db
    .updateTable('runs')
    .set({
      status: end.status,
      waiting_for: null,
      result: end.result,
      error_code: end.error?.code ?? null,
      error_message: end.error?.message ?? null,
      ended_at: now,
    })
    .where('id', '=', runId)
    .execute();
}

export async function selectRunRecord(
  db: Db,
  tenantId: string,
  by: { id: string } | { taskId: string },
): Promise<RunRecord | undefined> {
  const row = await db
    .selectFrom('runs')
    .innerJoin('agents', 'agents.id', 'runs.agent_id')
    .innerJoin('tasks', 'tasks.id', 'runs.task_id')
    .selectAll('runs')
    .select(['agents.slug', 'tasks.created_by_user_id'])
    .where('runs.tenant_id', '=', tenantId)
    .where((eb) => ('id' in by ? eb('runs.id', '=', by.id) : eb('runs.task_id', '=', by.taskId)))
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    id: row.id,
    tenantId: row.tenant_id,
    taskId: row.task_id,
    agentId: row.agent_id,
    agentSlug: row.slug,
    agentVersion: row.agent_version,
    sessionId: row.session_id,
    source: row.door,
    status: row.status as RunRecord['status'],
    input: row.input,
    attachments: attachmentsOf(row),
    context: row.context as RunRecord['context'],
    historyUntil: row.history_until,
    traceId: row.trace_id,
    userId: row.created_by_user_id ?? 'system',
    waitingFor: row.waiting_for as RunRecord['waitingFor'],
    multitask: row.multitask as RunRecord['multitask'],
    parentRunId: row.parent_run_id,
    rootRunId: row.root_run_id ?? row.id,
    forkedFrom: row.forked_from,
    forkStep: row.fork_step,
    used: usedOf(row),
    startedAt: row.started_at,
    createdAt: row.created_at,
  };
}

/** One run as the API shows it, with what its tree used where it is the root of one. */
export async function selectRun(db: Db, tenantId: string, id: string): Promise<Run | undefined> {
  const row = await shown(db, tenantId).where('runs.id', '=', id).executeTakeFirst();
  if (row === undefined) return undefined;
  const run = fromRow(row);
  if (row.children.length === 0 || row.parent_run_id !== null) return run;
  return { ...run, tree_usage: usageOf(sumUsed(usedOf(row), await selectUsedBelow(db, id))) };
}

/** A page of the tenant's runs, newest first, with how many there are in all. */
export async function listRuns(
  db: Db,
  tenantId: string,
  filter: RunFilter,
  { limit, offset }: { limit: number; offset: number },
): Promise<{ runs: Run[]; total: number }> {
  let matching = shown(db, tenantId);
  if (filter.agent !== undefined) {
    const agent = filter.agent;
    matching = matching.where((eb) =>
      eb.or([
        eb(eb.cast<string>('agents.id', 'text'), '=', agent.toLowerCase()),
        eb(eb.fn('lower', ['agents.slug']), '=', agent.toLowerCase()),
      ]),
    );
  }
  if (filter.sessionId !== undefined) matching = matching.where('runs.session_id', '=', filter.sessionId);
  if (filter.taskId !== undefined) matching = matching.where('runs.task_id', '=', filter.taskId);
  if (filter.status !== undefined) matching = matching.where('runs.status', '=', filter.status);
  if (filter.traceId !== undefined) matching = matching.where('runs.trace_id', '=', filter.traceId);
  const rows = await matching
    .orderBy('runs.created_at', 'desc')
    .orderBy('runs.id', 'desc')
    .limit(limit)
    .offset(offset)
    .execute();
  const { total } = await matching
    .clearSelect()
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  return { runs: rows.map(fromRow), total };
}

function shown(db: Db, tenantId: string) {
  return db
    .selectFrom('runs')
    .innerJoin('agents', 'agents.id', 'runs.agent_id')
    .selectAll('runs')
    .select(({ selectFrom }) => [
      'agents.slug',
      selectFrom('steps')
        .whereRef('steps.run_id', '=', 'runs.id')
        .select(({ fn }) => fn.max<number>('number').as('count'))
        .$asScalar()
        .as('steps'),
      sql<string[]>`array(select id from runs c where c.parent_run_id = runs.id order by id)`.as('children'),
    ])
    .where('runs.tenant_id', '=', tenantId);
}

function fromRow(row: Selectable<Tables['runs']> & { slug: string; steps: number | null; children: string[] }): Run {
  return {
    id: row.id,
    tenant_id: row.tenant_id,
    task_id: row.task_id,
    agent_id: row.agent_id,
    agent: row.slug,
    agent_version: row.agent_version,
    session_id: row.session_id,
    door: row.door,
    status: row.status as RunStatus,
    waiting_for: row.waiting_for as Run['waiting_for'],
    multitask: row.multitask as Run['multitask'],
    parent_run_id: row.parent_run_id,
    root_run_id: row.root_run_id ?? row.id,
    children: row.children,
    forked_from: row.forked_from,
    fork_step: row.fork_step,
    input: row.input,
    ...(row.attachments !== null && { attachments: attachmentsOf(row) }),
    result: row.result,
    error: row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? '' },
    usage: usageOf(usedOf(row)),
    steps: row.steps ?? Math.max(0, (row.fork_step ?? 1) - 1),
    trace_id: row.trace_id,
    created_at: row.created_at.toISOString(),
    started_at: row.started_at?.toISOString() ?? null,
    ended_at: row.ended_at?.toISOString() ?? null,
    duration_ms: row.ended_at === null ? null : row.ended_at.getTime() - (row.started_at ?? row.created_at).getTime(),
  };
}

function attachmentsOf({ attachments }: Pick<Selectable<Tables['runs']>, 'attachments'>): Attachment[] {
  return (attachments ?? []) as unknown as Attachment[];
}

function usedOf(row: Selectable<Tables['runs']>): Used {
  return {
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    cachedTokens: row.cached_tokens,
    reasoningTokens: row.reasoning_tokens,
    costNano: row.cost_usd === null ? null : Math.round(Number(row.cost_usd) * 1e9),
  };
}
