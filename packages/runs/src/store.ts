import type { Message, Run, RunEvent, RunStatus, Step, ToolOutcome } from '@reeve/contract';
import { json, now, type Db, type Tables } from '@reeve/db';
import { sql, type Selectable } from 'kysely';
import { usdOf } from '@reeve/tenancy';
import { usageOf, type CompactionStep, type ModelOutput, type RunRecord, type StepRecord, type Used } from './run.ts';

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
      door: run.door,
      status: run.status,
      input: run.input,
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
      started_at: run.status === 'running' ? now : null,
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
export async function updateParked(db: Db, runId: string, waitingFor: 'approval' | 'budget'): Promise<void> {
  await db.updateTable('runs').set({ status: 'queued', waiting_for: waitingFor }).where('id', '=', runId).execute();
}

/** Brings an ended run back, for a retry of its task: settled steps are kept, and what its end had closed is open again. */
export async function updateRevivedRun(db: Db, runId: string): Promise<void> {
  await db
    .updateTable('runs')
    .set({ status: 'running', result: null, error_code: null, error_message: null, ended_at: null })
    .where('id', '=', runId)
    .execute();
  await db
    .updateTable('steps')
    .set({ status: 'pending', outcome: null, ended_at: null })
    .where('run_id', '=', runId)
    .where('outcome', '=', 'cancelled')
    .execute();
}

/** The run of a session that began last before this one. */
export async function selectPrevious(
  db: Db,
  { id, tenantId, sessionId }: Pick<RunRecord, 'id' | 'tenantId' | 'sessionId'>,
): Promise<{ id: string; status: string } | undefined> {
  return db
    .selectFrom('runs')
    .select(['id', 'status'])
    .where('tenant_id', '=', tenantId)
    .where('session_id', '=', sessionId)
    .where('id', '<>', id)
    .where('started_at', 'is not', null)
    .orderBy('started_at', 'desc')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** The tasks of the runs of a session that have not ended. */
export async function selectUnended(db: Db, tenantId: string, sessionId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('runs')
    .select('task_id')
    .where('tenant_id', '=', tenantId)
    .where('session_id', '=', sessionId)
    .where('status', 'in', ['queued', 'running'])
    .execute();
  return rows.map(({ task_id }) => task_id);
}

/** Takes what a run added to the end of its session out again. */
export async function deleteMessagesOf(
  db: Db,
  { id, tenantId, sessionId }: Pick<RunRecord, 'id' | 'tenantId' | 'sessionId'>,
): Promise<void> {
  await sql`with gone as (
      delete from messages where tenant_id = ${tenantId} and session_id = ${sessionId} and run_id = ${id}
      returning position
    )
    update sessions set message_count = (
        select coalesce(max(position), 0) from messages m
        where m.session_id = sessions.id and not exists (select from gone where gone.position = m.position))
    where tenant_id = ${tenantId} and id = ${sessionId} and exists (select from gone)`.execute(db);
}

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

export interface NewStep {
  readonly number: number;
  readonly kind: StepRecord['kind'];
  readonly name: string;
  readonly callId: string | null;
  readonly input: unknown;
  readonly status: 'pending' | 'settled';
  readonly output: unknown;
  /** 1 where it begins at once, 0 where it waits for others. */
  readonly attempt: number;
}

/** Inserts steps, pending but for messages. */
export async function insertSteps(db: Db, tenantId: string, runId: string, steps: readonly NewStep[]): Promise<void> {
  await db
    .insertInto('steps')
    .values(
      steps.map((step) => ({
        run_id: runId,
        number: step.number,
        tenant_id: tenantId,
        kind: step.kind,
        name: step.name,
        tool_call_id: step.callId,
        input: json(step.input),
        status: step.status,
        output: step.output === null ? null : json(step.output),
        outcome: step.status === 'settled' ? 'success' : null,
        attempt: step.attempt,
        started_at: now,
        ended_at: step.status === 'settled' ? now : null,
      })),
    )
    .execute();
}

/** Counts one more beginning of a pending step. */
export async function updateBegun(db: Db, runId: string, number: number): Promise<void> {
  await db
    .updateTable('steps')
    .set((eb) => ({ attempt: eb('attempt', '+', 1), started_at: now }))
    .where('run_id', '=', runId)
    .where('number', '=', number)
    .execute();
}

export interface Settlement {
  /** What the step came to, as it is kept. */
  readonly output: unknown;
  readonly outcome: string;
  readonly used?: Used;
}

/** Settles a pending step, and counts what it used to the run. */
export async function updateSettled(
  db: Db,
  { id: runId }: Pick<RunRecord, 'id'>,
  number: number,
  { output, outcome, used }: Settlement,
): Promise<void> {
  const costUsd = used?.costNano == null ? null : usdOf(used.costNano);
  await db
    .updateTable('steps')
    .set({
      status: 'settled',
      output: output === null ? null : json(output),
      outcome,
      ended_at: now,
      ...(used && { input_tokens: used.inputTokens, output_tokens: used.outputTokens, cost_usd: costUsd }),
    })
    .where('run_id', '=', runId)
    .where('number', '=', number)
    .where('status', '=', 'pending')
    .execute();
  if (used === undefined) return;
  await db
    .updateTable('runs')
    .set((eb) => ({
      input_tokens: eb('input_tokens', '+', used.inputTokens),
      output_tokens: eb('output_tokens', '+', used.outputTokens),
      cached_tokens: eb('cached_tokens', '+', used.cachedTokens),
      reasoning_tokens: eb('reasoning_tokens', '+', used.reasoningTokens),
      cost_usd: sql<string | null>`cost_usd + ${costUsd}::numeric`,
    }))
    .where('id', '=', runId)
    .execute();
}

/** Closes whatever a run leaves open when it ends. */
export async function updateAbandoned(db: Db, runId: string): Promise<void> {
  await db
    .updateTable('steps')
    .set({ status: 'settled', outcome: 'cancelled', ended_at: now })
    .where('run_id', '=', runId)
    .where('status', '=', 'pending')
    .execute();
}

/** An event as it is stored: without what the run and its steps hold already. */
export interface StoredEvent {
  readonly seq: number;
  readonly type: RunEvent['type'];
  readonly at: Date;
  readonly data: Readonly<Record<string, unknown>>;
}

export async function insertEvents(
  db: Db,
  tenantId: string,
  runId: string,
  events: readonly StoredEvent[],
): Promise<void> {
  if (events.length === 0) return;
  await db
    .insertInto('events')
    .values(
      events.map(({ seq, type, at, data }) => ({
        run_id: runId,
        seq,
        tenant_id: tenantId,
        type,
        data: json(data),
        created_at: at,
      })),
    )
    .execute();
}

/** Events after a number, with what steps and the run hold of them put back in. */
export async function selectEvents(
  db: Db,
  tenantId: string,
  runId: string,
  after: number,
  limit: number,
): Promise<RunEvent[]> {
  const { rows } = await sql<{ seq: number; type: string; data: object; created_at: Date; filled: object | null }>`
    select e.seq, e.type, e.data, e.created_at,
      case e.type
        when 'tool_call' then jsonb_build_object('input', s.input)
        when 'tool_result' then jsonb_build_object('output', s.output -> 'result')
        when 'result' then jsonb_build_object('result', r.result)
      end as filled
    from events e join runs r on r.id = e.run_id
    left join steps s on e.type in ('tool_call', 'tool_result') and s.run_id = e.run_id and s.number = (e.data ->> 'step')::int
    where e.run_id = ${runId} and e.tenant_id = ${tenantId} and e.seq > ${after}
    order by e.seq limit ${limit}`.execute(db);
  return rows.map(
    ({ seq, type, data, created_at, filled }) =>
      ({ type, seq, run_id: runId, timestamp: created_at.toISOString(), ...data, ...filled }) as RunEvent,
  );
}

/** Characters that a step has streamed, thinking included. */
export async function selectStreamed(db: Db, runId: string, step: number): Promise<number> {
  const { rows } = await sql<{ characters: number }>`
    select coalesce(sum(length(data ->> 'delta')), 0)::int as characters from events
    where run_id = ${runId} and type in ('text', 'thinking') and (data ->> 'step')::int = ${step}`.execute(db);
  return rows[0]!.characters;
}

export async function selectLastSeq(db: Db, runId: string): Promise<number> {
  const row = await db
    .selectFrom('events')
    .select(({ fn }) => fn.max('seq').as('seq'))
    .where('run_id', '=', runId)
    .executeTakeFirst();
  return row?.seq ?? 0;
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
    door: row.door,
    status: row.status as RunRecord['status'],
    input: row.input,
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

/** The steps of a run, those that it shares with the runs it was forked from included: `held`, for a query. */
function stepsOf(runId: string) {
  return sql`with recursive line as (
      select id, forked_from, fork_step, null::int as below from runs where id = ${runId}
      union all
      select r.id, r.forked_from, r.fork_step, least(l.below, l.fork_step) from line l join runs r on r.id = l.forked_from
    ), held as (
      select s.* from line l join steps s on s.run_id = l.id and (l.below is null or s.number < l.below)
    )`;
}

type StepRow = Selectable<Tables['steps']>;

/** Every step of a run as the engine needs it, in order. */
export async function selectStepRecords(db: Db, runId: string): Promise<StepRecord[]> {
  const { rows } = await sql<
    Pick<StepRow, 'run_id' | 'number' | 'kind' | 'name' | 'tool_call_id' | 'input' | 'output' | 'status' | 'attempt'>
  >`
    ${stepsOf(runId)} select run_id, number, kind, name, tool_call_id, input, output, status, attempt from held order by number`.execute(
    db,
  );
  return rows.map((row, index): StepRecord => {
    const base = {
      runId: row.run_id,
      number: row.number,
      status: row.status as StepRecord['status'],
      attempt: row.attempt,
    };
    switch (row.kind) {
      case 'model':
        return {
          ...base,
          kind: 'model',
          output: row.output === null ? null : withInputs(row.output as ModelOutput, rows.slice(index + 1)),
        };
      case 'message':
        return { ...base, kind: 'message', output: row.output as { text: string } };
      case 'compaction':
        return { ...base, kind: 'compaction', output: row.output as CompactionStep['output'] };
      default:
        return {
          ...base,
          kind: 'tool',
          name: row.name,
          callId: row.tool_call_id ?? '',
          input: row.input,
          output: row.output as ToolOutcome | null,
        };
    }
  });
}

/** What a model said with the inputs of its calls, which are kept by the steps right behind it. */
function withInputs(output: ModelOutput, next: readonly { kind: string; input: unknown }[]): ModelOutput {
  const toolCalls = output.toolCalls.map((call, index) =>
    'input' in call ? call : { ...(call as { id: string; name: string }), input: next[index]?.input },
  );
  return { ...output, toolCalls };
}

/** A page of a run's steps as the API shows them. */
export async function listSteps(
  db: Db,
  tenantId: string,
  runId: string,
  { limit, offset }: { limit: number; offset: number },
): Promise<{ steps: Step[]; total: number }> {
  const { rows } = await sql<StepRow & { total: number }>`
    ${stepsOf(runId)} select * from held where tenant_id = ${tenantId} order by number limit ${limit} offset ${offset}`.execute(
    db,
  );
  const { rows: counted } = await sql<{ total: number }>`
    ${stepsOf(runId)} select count(*)::int as total from held where tenant_id = ${tenantId}`.execute(db);
  const steps = rows.map((row): Step => ({
    run_id: row.run_id,
    number: row.number,
    kind: row.kind as Step['kind'],
    name: row.name,
    tool_call_id: row.tool_call_id,
    input: row.input,
    output: row.output,
    status: row.status as Step['status'],
    outcome: row.outcome,
    attempt: row.attempt,
    input_tokens: row.input_tokens,
    output_tokens: row.output_tokens,
    cost_usd: row.cost_usd,
    started_at: row.started_at.toISOString(),
    ended_at: row.ended_at?.toISOString() ?? null,
  }));
  return { steps, total: counted[0]!.total };
}

/** One run as the API shows it. */
export async function selectRun(db: Db, tenantId: string, id: string): Promise<Run | undefined> {
  const row = await shown(db, tenantId).where('runs.id', '=', id).executeTakeFirst();
  return row && fromRow(row);
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

/** The newest messages of a session up to a position, oldest first. */
export async function selectHistory(
  db: Db,
  tenantId: string,
  sessionId: string,
  until: number,
  limit: number,
): Promise<Pick<Message, 'role' | 'content' | 'position'>[]> {
  const { rows } = await sql<Pick<Message, 'role' | 'content' | 'position'>>`
    select position, role, content from session_messages(${sessionId}, ${until}, ${limit}) where tenant_id = ${tenantId}`.execute(
    db,
  );
  return rows.reverse();
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
    ])
    .where('runs.tenant_id', '=', tenantId);
}

function fromRow(row: Selectable<Tables['runs']> & { slug: string; steps: number | null }): Run {
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
    forked_from: row.forked_from,
    fork_step: row.fork_step,
    input: row.input,
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

function usedOf(row: Selectable<Tables['runs']>): Used {
  return {
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    cachedTokens: row.cached_tokens,
    reasoningTokens: row.reasoning_tokens,
    costNano: row.cost_usd === null ? null : Math.round(Number(row.cost_usd) * 1e9),
  };
}
