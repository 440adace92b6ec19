import type { Task, TaskStatus, WaitingFor } from '@reeve/contract';
import { isSuspendReason } from './waiting.ts';

/** Every column of a task that the API shows, named: prepared statements cannot say `*`. */
export const TASK_COLUMNS = [
  'id',
  'tenant_id',
  'agent_id',
  'task_type',
  'status',
  'priority',
  'title',
  'description',
  'payload',
  'result',
  'result_summary',
  'error_message',
  'error_code',
  'attempts',
  'max_attempts',
  'run_at',
  'depends_on',
  'parent_task_id',
  'session_id',
  'trace_id',
  'created_by_user_id',
  'created_at',
  'started_at',
  'completed_at',
  'updated_at',
  'workflow_id',
  'workflow_key',
  'requires_approval',
  'concurrency_key',
]
  .map((column) => `tasks.${column}`)
  .join(', ');

/** A task's columns, with what its lease and the places where it waits say of it where they were read. */
export interface TaskRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly agent_id: string;
  readonly task_type: string;
  readonly status: string;
  readonly priority: number;
  readonly title: string;
  readonly description: string | null;
  readonly payload: unknown;
  readonly result: unknown;
  readonly result_summary: string | null;
  readonly error_message: string | null;
  readonly error_code: string | null;
  readonly attempts: number;
  readonly max_attempts: number;
  readonly run_at: Date | null;
  readonly depends_on: string[];
  readonly parent_task_id: string | null;
  readonly session_id: string | null;
  readonly trace_id: string;
  readonly created_by_user_id: string | null;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly completed_at: Date | null;
  readonly updated_at: Date;
  readonly workflow_id: string | null;
  readonly workflow_key: string | null;
  readonly requires_approval: boolean;
  readonly concurrency_key: string | null;
  readonly lease_epoch?: number | null;
  readonly lease_attempt?: number | null;
  readonly lease_started_at?: Date | null;
  readonly waiting_reason?: string | null;
  readonly waits_for_tasks?: boolean;
  readonly waits_for_key?: boolean;
  readonly approval_status?: string | null;
  readonly decided_by?: string | null;
  readonly decided_at?: Date | null;
  readonly decision_reason?: string | null;
}

/** A task as the API shows it. */
export function fromRow(row: TaskRow): Task {
  const status = row.lease_epoch == null ? (row.status as TaskStatus) : 'in_progress';
  const approved = row.approval_status === 'approved';
  const rejected = row.approval_status === 'rejected';
  return {
    id: row.id,
    tenant_id: row.tenant_id,
    agent_id: row.agent_id,
    task_type: row.task_type,
    status,
    waiting_for: status === 'pending' ? waitingFor(row) : null,
    priority: row.priority,
    title: row.title,
    description: row.description,
    payload: row.payload as Record<string, unknown>,
    result: row.result,
    result_summary: row.result_summary,
    error_message: row.error_message,
    error_code: row.error_code,
    attempts: row.lease_attempt ?? row.attempts,
    max_attempts: row.max_attempts,
    run_at: row.run_at?.toISOString() ?? null,
    depends_on: row.depends_on,
    parent_task_id: row.parent_task_id,
    requires_approval: row.requires_approval,
    approved_by_user_id: approved ? (row.decided_by ?? null) : null,
    approved_at: approved ? (row.decided_at?.toISOString() ?? null) : null,
    rejected_by_user_id: rejected ? (row.decided_by ?? null) : null,
    rejected_at: rejected ? (row.decided_at?.toISOString() ?? null) : null,
    decision_reason: row.decision_reason ?? null,
    session_id: row.session_id,
    workflow_id: row.workflow_id,
    workflow_key: row.workflow_key,
    concurrency_key: row.concurrency_key,
    trace_id: row.trace_id,
    created_by_user_id: row.created_by_user_id,
    created_at: row.created_at.toISOString(),
    started_at: (row.started_at ?? row.lease_started_at)?.toISOString() ?? null,
    completed_at: row.completed_at?.toISOString() ?? null,
    updated_at: row.updated_at.toISOString(),
  };
}

function waitingFor(row: TaskRow): WaitingFor | null {
  if (row.approval_status === 'pending') return 'approval';
  const reason = row.waiting_reason ?? null;
  if (reason !== null && isSuspendReason(reason)) return reason;
  if (row.waits_for_tasks) return 'dependencies';
  if (reason !== null) return reason as 'schedule' | 'retry';
  return row.waits_for_key ? 'concurrency' : null;
}
