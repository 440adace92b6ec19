import type { Task } from '@reeve/contract';

/*
 * A task as a claim reads it. Claims read thousands a second, so they leave out what a task that has not ended cannot have, and
 * take times as text: PostgreSQL's is a few characters from the API's.
 */

export const CLAIMED_COLUMNS = [
  'id',
  'tenant_id',
  'agent_id',
  'task_type',
  'priority',
  'title',
  'description',
  'payload',
  'error_message',
  'error_code',
  'max_attempts',
  'depends_on',
  'parent_task_id',
  'session_id',
  'trace_id',
  'created_by_user_id',
  'workflow_id',
  'workflow_key',
  'requires_approval',
  'concurrency_key',
] as const;

/** Those that are times. */
export const CLAIMED_TIMES = ['run_at', 'created_at', 'started_at', 'updated_at'] as const;

export type ClaimedRow = Readonly<
  Pick<Task, (typeof CLAIMED_COLUMNS)[number]> & {
    lane: string;
    rank: number;
    epoch: number;
    /** Attempts before this one. */
    attempts: number;
    /** When it was claimed. */
    at: string;
    run_at: string | null;
    created_at: string;
    started_at: string | null;
    updated_at: string;
  }
>;

/** A claimed task as the API shows it. */
export function claimedTask(row: ClaimedRow): Task {
  return {
    id: row.id,
    tenant_id: row.tenant_id,
    agent_id: row.agent_id,
    task_type: row.task_type,
    status: 'in_progress',
    waiting_for: null,
    priority: row.priority,
    title: row.title,
    description: row.description,
    payload: row.payload,
    result: null,
    result_summary: null,
    error_message: row.error_message,
    error_code: row.error_code,
    attempts: row.attempts + 1,
    max_attempts: row.max_attempts,
    run_at: row.run_at === null ? null : toIso(row.run_at),
    depends_on: row.depends_on,
    parent_task_id: row.parent_task_id,
    requires_approval: row.requires_approval,
    approved_by_user_id: null,
    approved_at: null,
    rejected_by_user_id: null,
    rejected_at: null,
    decision_reason: null,
    session_id: row.session_id,
    workflow_id: row.workflow_id,
    workflow_key: row.workflow_key,
    concurrency_key: row.concurrency_key,
    trace_id: row.trace_id,
    created_by_user_id: row.created_by_user_id,
    created_at: toIso(row.created_at),
    started_at: toIso(row.started_at ?? row.at),
    completed_at: null,
    updated_at: toIso(row.updated_at),
  };
}

/** PostgreSQL's text of a time in UTC as ISO 8601 in milliseconds: `2026-11-22 09:30:00.25+00` is `2026-11-22T09:30:00.250Z`. */
function toIso(text: string): string {
  if (text[10] !== ' ' || !text.endsWith('+00')) return new Date(text).toISOString();
  const fraction = text.length > 22 ? text.slice(20, Math.min(23, text.length - 3)) : '';
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction.padEnd(3, '0')}Z`;
}
