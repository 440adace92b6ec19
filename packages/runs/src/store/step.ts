import type { Step, ToolOutcome } from '@reeve/contract';
import { json, now, type Db, type Tables } from '@reeve/db';
import { sql, type Selectable } from 'kysely';
import type { CompactionStep, ModelOutput, RunRecord, StepRecord, Summary } from '../run.ts';

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

/** Closes whatever a run leaves open when it ends. */
export async function updateAbandoned(db: Db, runId: string): Promise<void> {
  await db
    .updateTable('steps')
    .set({ status: 'settled', outcome: 'cancelled', ended_at: now })
    .where('run_id', '=', runId)
    .where('status', '=', 'pending')
    .execute();
}

/** Notes that a step's model takes no calls; returns for how long it has taken none by now, in milliseconds. */
export async function updateModelWait(db: Db, runId: string, number: number): Promise<number> {
  const { rows } = await sql<{ ms: number }>`
    update steps set model_waited_since = coalesce(model_waited_since, reeve_now())
    where run_id = ${runId} and number = ${number}
    returning (extract(epoch from reeve_now() - model_waited_since) * 1000)::float8 as ms`.execute(db);
  return rows[0]!.ms;
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

/**
 * The newest summary of an earlier run of a run's session, of history that this one has too. Runs of a session that was deleted, and
 * whose id is used again, have left no message in it.
 */
export async function selectSessionSummary(
  db: Db,
  run: Pick<RunRecord, 'id' | 'tenantId' | 'sessionId' | 'historyUntil'>,
): Promise<{ readonly summary: Summary; readonly historyUntil: number } | undefined> {
  const row = await db
    .selectFrom('steps')
    .innerJoin('runs', 'runs.id', 'steps.run_id')
    .select(['steps.output', 'runs.history_until'])
    .where('runs.tenant_id', '=', run.tenantId)
    .where('runs.session_id', '=', run.sessionId)
    .where('runs.id', '<>', run.id)
    .where('runs.history_until', '<=', run.historyUntil)
    .where('steps.kind', '=', 'compaction')
    .where('steps.status', '=', 'settled')
    .where('steps.output', 'is not', null)
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('messages')
          .select('messages.position')
          .where('messages.tenant_id', '=', run.tenantId)
          .where('messages.session_id', '=', run.sessionId)
          .whereRef('messages.run_id', '=', 'runs.id'),
      ),
    )
    .orderBy('runs.history_until', 'desc')
    .orderBy('steps.ended_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row && { summary: row.output as Summary, historyUntil: row.history_until };
}

type StepRow = Selectable<Tables['steps']>;

/** Every step of a run as the engine needs it, in order. */
export async function selectStepRecords(db: Db, runId: string): Promise<StepRecord[]> {
  const { rows } = await sql<
    Pick<
      StepRow,
      | 'run_id'
      | 'number'
      | 'kind'
      | 'name'
      | 'tool_call_id'
      | 'input'
      | 'output'
      | 'status'
      | 'outcome'
      | 'attempt'
      | 'child_run_id'
    >
  >`
    ${stepsOf(runId)} select run_id, number, kind, name, tool_call_id, input, output, status, outcome, attempt, child_run_id from held order by number`.execute(
    db,
  );
  return rows.map((row, index): StepRecord => {
    const base = {
      runId: row.run_id,
      number: row.number,
      status: row.status as StepRecord['status'],
      attempt: row.attempt,
      outcome: row.outcome,
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
          childRunId: row.child_run_id,
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
    child_run_id: row.child_run_id,
    input_tokens: row.input_tokens,
    output_tokens: row.output_tokens,
    cost_usd: row.cost_usd,
    started_at: row.started_at.toISOString(),
    ended_at: row.ended_at?.toISOString() ?? null,
  }));
  return { steps, total: counted[0]!.total };
}
