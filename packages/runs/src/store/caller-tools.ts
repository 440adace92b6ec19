import type { ToolOutcome } from '@reeve/contract';
import { json, type Db } from '@reeve/db';
import { sql } from 'kysely';
import type { CallerTools } from '../caller-tools.ts';

/** A call of a caller’s tool whose step is pending. */
export interface CallerCall {
  readonly step: number;
  /** What the caller answered; null: nothing yet. */
  readonly outcome: ToolOutcome | null;
  /** Milliseconds until no answer is taken any more; 0 where that time is over. */
  readonly leftMs: number;
}

/** A call of a caller’s tool, whatever became of it, locked until the transaction ends. */
export interface AnswerableCall {
  readonly step: number;
  readonly isPending: boolean;
  readonly isExpired: boolean;
  /** The last event of the run before its answer; null: it has none. */
  readonly answeredSeq: number | null;
}

/** Keeps the tools that a caller offers to a run. */
export async function insertCallerTools(
  db: Db,
  tenantId: string,
  runId: string,
  { tools, choice }: CallerTools,
): Promise<void> {
  await db
    .insertInto('caller_tools')
    .values({
      run_id: runId,
      tenant_id: tenantId,
      tools: json(tools),
      choice: choice === undefined ? null : json(choice),
    })
    .execute();
}

/** The tools that the caller of a run offered; null where there are none. */
export async function selectCallerTools(db: Db, runId: string): Promise<CallerTools | null> {
  const row = await db
    .selectFrom('caller_tools')
    .select(['tools', 'choice'])
    .where('run_id', '=', runId)
    .executeTakeFirst();
  if (row === undefined) return null;
  const choice = row.choice as NonNullable<CallerTools['choice']> | null;
  return { tools: row.tools as CallerTools['tools'], ...(choice !== null && { choice }) };
}

/** Has steps wait for answers of the caller, for that many milliseconds. */
export async function insertCallerCalls(
  db: Db,
  tenantId: string,
  runId: string,
  steps: readonly number[],
  waitMs: number,
): Promise<void> {
  if (steps.length === 0) return;
  await sql`insert into caller_calls (run_id, step, tenant_id, expires_at)
    select ${runId}::uuid, step, ${tenantId}, reeve_now() + ${waitMs} * interval '1 ms'
    from unnest(${[...steps]}::int[]) as step`.execute(db);
}

/** The calls of a run that its pending steps wait for. */
export async function selectCallerCalls(db: Db, runId: string): Promise<CallerCall[]> {
  const { rows } = await sql<{ step: number; outcome: ToolOutcome | null; left_ms: number }>`
    select c.step, c.outcome, greatest(extract(epoch from c.expires_at - reeve_now()) * 1000, 0)::float8 as left_ms
    from caller_calls c join steps s on s.run_id = c.run_id and s.number = c.step
    where c.run_id = ${runId} and s.status = 'pending' order by c.step`.execute(db);
  return rows.map(({ step, outcome, left_ms }) => ({ step, outcome, leftMs: left_ms }));
}

/** All calls of a run that its caller was or is asked for. */
export async function lockCallerCalls(db: Db, tenantId: string, runId: string): Promise<AnswerableCall[]> {
  const { rows } = await sql<{ step: number; pending: boolean; expired: boolean; answered_seq: number | null }>`
    select c.step, s.status = 'pending' as pending, c.expires_at <= reeve_now() as expired, c.answered_seq
    from caller_calls c join steps s on s.run_id = c.run_id and s.number = c.step
    where c.run_id = ${runId} and c.tenant_id = ${tenantId} order by c.step for update of c`.execute(db);
  return rows.map((row) => ({
    step: row.step,
    isPending: row.pending,
    isExpired: row.expired,
    answeredSeq: row.answered_seq,
  }));
}

/** Keeps the answer to a call; `seq` is the last event of the run before it. */
export async function updateAnswered(
  db: Db,
  runId: string,
  step: number,
  outcome: ToolOutcome,
  seq: number,
): Promise<void> {
  await db
    .updateTable('caller_calls')
    .set({ outcome: json(outcome), answered_seq: seq })
    .where('run_id', '=', runId)
    .where('step', '=', step)
    .execute();
}

/** Which of these runs of a tenant wait for an answer of their caller. */
export async function selectWaitingForCaller(
  db: Db,
  tenantId: string,
  runs: { readonly ids: readonly string[] } | { readonly sessionId: string },
): Promise<string[]> {
  const which = 'ids' in runs ? sql`r.id = any(${[...runs.ids]}::uuid[])` : sql`r.session_id = ${runs.sessionId}::uuid`;
  const { rows } = await sql<{ id: string }>`
    select r.id from runs r
    where r.tenant_id = ${tenantId} and ${which} and r.status in ('queued', 'running') and exists (
      select from caller_calls c join steps s on s.run_id = c.run_id and s.number = c.step
      where c.run_id = r.id and s.status = 'pending' and c.outcome is null and c.expires_at > reeve_now())`.execute(db);
  return rows.map(({ id }) => id);
}

/** Where the turn of a run before one began: at the last event before the answers that it followed, or at 0. */
export async function selectTurnBefore(db: Db, runId: string, after: number): Promise<number> {
  const row = await db
    .selectFrom('caller_calls')
    .select(({ fn }) => fn.max('answered_seq').as('seq'))
    .where('run_id', '=', runId)
    .where('answered_seq', '<', after)
    .executeTakeFirst();
  return row?.seq ?? 0;
}
