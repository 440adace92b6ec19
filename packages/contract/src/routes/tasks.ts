import { z } from 'zod';
import { Id, IdParams, JsonObject, Time, TimeInput, listOf, paging, text } from '../common.ts';
import { defineRoute } from '../route.ts';

const tag = 'Tasks';

export const TASK_STATUSES = ['pending', 'in_progress', 'completed', 'failed', 'cancelled'] as const;
export const TaskStatus = z.enum(TASK_STATUSES);
export type TaskStatus = z.infer<typeof TaskStatus>;
export const WaitingFor = z.enum(['schedule', 'dependencies', 'approval', 'retry', 'budget']);
export type WaitingFor = z.infer<typeof WaitingFor>;

/** An agent by id or slug: `assistant`, `LUMINA`, or a UUID. */
export const AgentRef = text(1, 100).regex(
  /^[A-Za-z0-9][A-Za-z0-9_-]*$/,
  'must be an agent id or slug: letters, digits, - and _',
);
export const TaskType = text(1, 100).regex(
  /^[a-z][a-z0-9_.-]*$/i,
  'must be letters, digits, ., - and _, beginning with a letter',
);

export const Task = z
  .object({
    id: Id,
    tenant_id: z.string(),
    agent_id: z.string(),
    task_type: z.string(),
    status: TaskStatus,
    waiting_for: WaitingFor.nullable(),
    priority: z.number().int(),
    title: z.string(),
    description: z.string().nullable(),
    payload: z.record(z.string(), z.unknown()),
    result: z.unknown(),
    result_summary: z.string().nullable(),
    error_message: z.string().nullable(),
    error_code: z.string().nullable(),
    attempts: z.number().int(),
    max_attempts: z.number().int(),
    run_at: Time.nullable(),
    depends_on: z.array(Id),
    parent_task_id: Id.nullable(),
    requires_approval: z.boolean(),
    approved_by_user_id: z.string().nullable(),
    approved_at: Time.nullable(),
    rejected_by_user_id: z.string().nullable(),
    rejected_at: Time.nullable(),
    decision_reason: z.string().nullable(),
    session_id: Id.nullable(),
    trace_id: z.string(),
    created_by_user_id: z.string().nullable(),
    created_at: Time,
    started_at: Time.nullable(),
    completed_at: Time.nullable(),
    updated_at: Time,
  })
  .meta({ id: 'Task' });
export type Task = z.infer<typeof Task>;

export const TaskInput = z
  .strictObject({
    agent_id: AgentRef,
    task_type: TaskType,
    title: text(1, 500),
    description: text(0, 20_000).nullish(),
    payload: JsonObject.default({}),
    priority: z.number().int().min(-100).max(100).default(0).describe('Higher runs first.'),
    run_at: TimeInput.nullish().describe('Not before this time.'),
    depends_on: z
      .array(Id)
      .max(100)
      .default([])
      .describe('Tasks that must be completed first; where one fails, this one is cancelled.'),
    max_attempts: z.number().int().min(1).max(20).default(3),
    requires_approval: z.boolean().default(false).describe('Not built yet: `true` is refused.'),
    session_id: Id.nullish(),
  })
  .meta({ id: 'TaskInput' });
export type TaskInput = z.infer<typeof TaskInput>;

const TaskAnswer = z.object({ task: Task });

export const createTask = defineRoute({
  method: 'POST',
  path: '/api/agents/tasks',
  tag,
  access: 'member',
  creates: true,
  summary: 'Put a task into the queue',
  body: TaskInput,
  responses: { 201: TaskAnswer },
});
export const listTasks = defineRoute({
  method: 'GET',
  path: '/api/agents/tasks',
  tag,
  access: 'viewer',
  summary: 'Tasks, newest first',
  query: z.strictObject({
    ...paging,
    agent_id: AgentRef.optional(),
    status: TaskStatus.optional(),
    task_type: TaskType.optional(),
    session_id: Id.optional(),
    q: text(1, 200).optional().describe('Part of the title, any case.'),
  }),
  responses: { 200: listOf('tasks', Task) },
});
export const TaskStats = z.object({
  by_status: z.record(z.string(), z.number().int()),
  by_agent: z.record(z.string(), z.number().int()),
  by_type: z.record(z.string(), z.number().int()),
  oldest_pending_age_s: z.number().nullable(),
  completed_last_hour: z.number().int(),
});
export const getTaskStats = defineRoute({
  method: 'GET',
  path: '/api/agents/tasks/stats',
  tag,
  access: 'viewer',
  summary: 'Counts of the tenant’s tasks',
  responses: { 200: TaskStats },
});
export const getTask = defineRoute({
  method: 'GET',
  path: '/api/agents/tasks/{id}',
  tag,
  access: 'viewer',
  summary: 'One task',
  params: IdParams,
  responses: { 200: TaskAnswer },
});
export const cancelTask = defineRoute({
  method: 'POST',
  path: '/api/agents/tasks/{id}/cancel',
  tag,
  access: 'member',
  summary: 'Cancel a task',
  description: 'A running one stops at its next safe point. 409 where it has ended.',
  params: IdParams,
  responses: { 200: TaskAnswer },
});
export const retryTask = defineRoute({
  method: 'POST',
  path: '/api/agents/tasks/{id}/retry',
  tag,
  access: 'member',
  summary: 'Queue a failed or cancelled task again',
  description: 'Settled steps of its run are kept. 409 from any other status.',
  params: IdParams,
  responses: { 200: TaskAnswer },
});
