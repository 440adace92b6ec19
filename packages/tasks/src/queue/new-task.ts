import type { Task, TaskInput } from '@reeve/contract';
import { newId } from '@reeve/kit';
import type { Requester } from './requester.ts';
import type { Creation, NewTask, Placed } from './store/insert.ts';
import { fromRow } from './store/row.ts';
import type { ClaimedTask } from './task.ts';

/** The place of a task in its workflow. */
export interface WorkflowPlace {
  readonly id: string;
  readonly workflowId: string;
  readonly workflowKey: string;
  readonly runAnyway: boolean;
  readonly notifiesOnEnd: boolean;
}

/** A task as it is stored, from what its caller asks for. */
export function newTask(requester: Requester, input: TaskInput, place?: WorkflowPlace): NewTask {
  const key = input.concurrency_key ?? null;
  return {
    id: place?.id ?? newId(),
    tenantId: requester.tenantId,
    agentId: input.agent_id,
    taskType: input.task_type,
    priority: input.priority,
    title: input.title,
    description: input.description ?? null,
    payload: input.payload,
    runAt: input.run_at ?? null,
    dependsOn: [...new Set(input.depends_on)],
    maxAttempts: input.max_attempts,
    sessionId: input.session_id ?? null,
    traceId: requester.traceId,
    createdBy: requester.userId,
    workflowId: place?.workflowId ?? null,
    workflowKey: place?.workflowKey ?? null,
    runAnyway: place?.runAnyway ?? false,
    requiresApproval: input.requires_approval,
    concurrencyKey: key,
    concurrencyLimit: input.concurrency_limit,
    concurrencyStrategy: input.concurrency_strategy,
    notifiesOnEnd: key !== null || (place?.notifiesOnEnd ?? false),
    place: true,
    owner: null,
    leaseMs: null,
  };
}

/** The audit row of a call that creates tasks. */
export function creationOf(requester: Requester, tasks: readonly NewTask[]): Creation {
  const [only] = tasks.length === 1 ? tasks : [];
  return {
    tenantId: requester.tenantId,
    actor: requester.userId,
    traceId: requester.traceId,
    taskId: only?.id ?? null,
    details: only ? { agent: only.agentId, type: only.taskType } : { tasks: tasks.map(({ id }) => id) },
  };
}

/** A new task as its maker claims it. */
export function claimedOf(task: NewTask): ClaimedTask {
  const { id, tenantId, agentId, title, description, payload, priority, maxAttempts, sessionId, traceId, createdBy } =
    task;
  return { id, tenantId, agentId, title, description, payload, priority, maxAttempts, sessionId, traceId, createdBy };
}

/** A new task as the API shows it. */
export function taskOf(task: NewTask, { createdAt, place, epoch }: Placed): Task {
  return fromRow({
    id: task.id,
    tenant_id: task.tenantId,
    agent_id: task.agentId,
    task_type: task.taskType,
    status: 'pending',
    priority: task.priority,
    title: task.title,
    description: task.description,
    payload: task.payload,
    result: null,
    result_summary: null,
    error_message: null,
    error_code: null,
    attempts: 0,
    max_attempts: task.maxAttempts,
    run_at: task.runAt === null ? null : new Date(task.runAt),
    depends_on: [...task.dependsOn],
    parent_task_id: null,
    session_id: task.sessionId,
    trace_id: task.traceId,
    created_by_user_id: task.createdBy,
    created_at: createdAt,
    started_at: epoch === null ? null : createdAt,
    completed_at: null,
    updated_at: createdAt,
    workflow_id: task.workflowId,
    workflow_key: task.workflowKey,
    requires_approval: task.requiresApproval || place === 'approval',
    concurrency_key: task.concurrencyKey,
    lease_epoch: epoch,
    lease_attempt: epoch === null ? null : 1,
    waiting_reason: place === 'timer' ? 'schedule' : null,
    approval_status: place === 'approval' ? 'pending' : null,
  });
}
