import { journalInsert } from '@reeve/audit';
import { now, runText, type Db } from '@reeve/db';
import { sql } from 'kysely';
import { TASK_JOURNAL } from './task-journal.ts';

export type EndStatus = 'completed' | 'failed' | 'cancelled';

/** What is recorded of the end of a task. */
export interface TaskEnd {
  readonly status: EndStatus;
  readonly result: unknown;
  readonly resultSummary: string | null;
  readonly errorMessage: string | null;
  readonly errorCode: string | null;
}

/** The end of a leased task, under the epoch of its lease. */
export interface LeasedEnd extends TaskEnd {
  readonly taskId: string;
  readonly epoch: number;
}

/** A task that was ended. */
export interface Settled {
  readonly taskId: string;
  /** Others wait for its end: it entered the completion outbox. */
  readonly notifiesOnEnd: boolean;
}

/**
 * Ends leased tasks, of any tenants, with their journal rows, in one statement. Only those whose lease is still the
 * caller's are ended, and only they are answered.
 */
export async function settleLeased(db: Db, ends: readonly LeasedEnd[]): Promise<Settled[]> {
  const rows = await runText<{ id: string; notifies_on_end: boolean }>(db, SETTLE, [
    ends.map(({ taskId }) => taskId),
    ends.map(({ epoch }) => epoch),
    ends.map(({ status }) => status),
    ends.map(resultText),
    ends.map(({ resultSummary }) => resultSummary),
    ends.map(({ errorMessage }) => errorMessage),
    ends.map(({ errorCode }) => errorCode),
  ]);
  return rows.map((row) => ({ taskId: row.id, notifiesOnEnd: row.notifies_on_end }));
}

/** One sentence on the end of a task, for the journal and for memory. */
const SUMMARY = `agent_id || case status when 'completed' then ' completed ' when 'failed' then ' failed at ' else ' did not do ' end
  || '"' || left(title, 200) || '"' || coalesce(': ' || left(coalesce(result_summary, error_message), 500), '')`;

const ENDED_JOURNAL = { ...TASK_JOURNAL, type: `'task_' || status`, summary: SUMMARY };

const SETTLE = `
  with input as materialized (
    select * from unnest($1::uuid[], $2::int8[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
      as i (id, epoch, status, result, result_summary, error_message, error_code)
  ), freed as (
    delete from leases l using input i where l.task_id = i.id and l.epoch = i.epoch
    returning l.task_id, l.attempt, l.started_at, i.status, i.result, i.result_summary, i.error_message, i.error_code
  ), ended as (
    update tasks t set status = f.status, result = f.result::jsonb, result_summary = f.result_summary, error_message = f.error_message,
      error_code = f.error_code, attempts = f.attempt, started_at = coalesce(t.started_at, f.started_at),
      completed_at = reeve_now(), updated_at = reeve_now()
    from freed f where t.id = f.task_id
    returning t.id, t.tenant_id, t.agent_id, t.session_id, t.trace_id, t.title, t.status, t.result_summary, t.error_message, t.error_code, t.notifies_on_end
  ), followed as (
    insert into task_completion_outbox (task_id, tenant_id) select id, tenant_id from ended where notifies_on_end on conflict do nothing
  ), journaled as (
    ${journalInsert({ values: ENDED_JOURNAL, from: 'ended' })}
  )
  select id, notifies_on_end from ended`;

/** The same for one task without a lease. Returns whether it entered the completion outbox. */
export async function updateEnded(db: Db, taskId: string, end: TaskEnd, actor: string): Promise<boolean> {
  const { status, resultSummary, errorMessage, errorCode } = end;
  const parameters = [taskId, status, resultText(end), resultSummary, errorMessage, errorCode, actor];
  const [row] = await runText<{ notifies_on_end: boolean }>(db, END, parameters);
  return row?.notifies_on_end ?? false;
}

const END = `
  with ended as (
    update tasks set status = $2, result = $3::jsonb, result_summary = $4, error_message = $5, error_code = $6,
      completed_at = reeve_now(), updated_at = reeve_now()
    where id = $1
    returning id, tenant_id, agent_id, session_id, trace_id, title, status, result_summary, error_message, error_code, notifies_on_end
  ), followed as (
    insert into task_completion_outbox (task_id, tenant_id) select id, tenant_id from ended where notifies_on_end on conflict do nothing
  ), journaled as (
    ${journalInsert({ values: { ...ENDED_JOURNAL, actor: '$7::text' }, from: 'ended' })}
  )
  select notifies_on_end from ended`;

/** Records a failed or lost attempt of a task that will be tried again. */
export async function updateAttempted(
  db: Db,
  taskId: string,
  attempt: number,
  startedAt: Date,
  error: { message: string; code: string } | null,
): Promise<void> {
  await db
    .updateTable('tasks')
    .set({
      attempts: attempt,
      updated_at: now,
      started_at: sql<Date>`coalesce(started_at, ${startedAt})`,
      ...(error && { error_message: error.message, error_code: error.code }),
    })
    .where('id', '=', taskId)
    .execute();
}

/** Counts an attempt whose worker fell silent. */
export async function updateLost(db: Db, taskId: string): Promise<void> {
  await db
    .updateTable('tasks')
    .set({ lost_attempts: sql<number>`lost_attempts + 1` })
    .where('id', '=', taskId)
    .execute();
}

/** Brings an ended task back, with its attempts counted from nothing and no time to wait for. */
export async function updateRevived(db: Db, taskId: string): Promise<void> {
  await db
    .updateTable('tasks')
    .set({
      status: 'pending',
      attempts: 0,
      lost_attempts: 0,
      result: null,
      result_summary: null,
      error_message: null,
      error_code: null,
      completed_at: null,
      run_at: null,
      cancel_requested: false,
      updated_at: now,
    })
    .where('id', '=', taskId)
    .execute();
}

export async function updateCancelRequested(db: Db, taskId: string): Promise<void> {
  await db.updateTable('tasks').set({ cancel_requested: true, updated_at: now }).where('id', '=', taskId).execute();
}

/** JSON as text: the elements of an array of jsonb are not written alike by both drivers. */
function resultText({ status, result }: TaskEnd): string | null {
  return status !== 'completed' || result === null || result === undefined ? null : JSON.stringify(result);
}

/** Removes a task, none of `except`, from the outbox and returns its id. Returns undefined when no unlocked row exists. */
export async function takeCompletion(db: Db, except: readonly string[]): Promise<string | undefined> {
  const { rows } = await sql<{ task_id: string }>`
    delete from task_completion_outbox where task_id = (select task_id from task_completion_outbox where task_id <> all(${[...except]}::uuid[]) order by task_id limit 1 for update skip locked)
    returning task_id`.execute(db);
  return rows[0]?.task_id;
}
