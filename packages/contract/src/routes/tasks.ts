import { z } from 'zod';
import { Id, IdParams, JsonObject, Time, TimeInput, listOf, paging, text } from '../common.ts';
import { defineRoute } from '../route.ts';
import { Approval } from './approvals.ts';
import { JournalEntry } from './journal.ts';
import { Run } from './runs.ts';
import { AgentRef, TaskType } from './names.ts';

const tag = 'Tasks';

export const TASK_STATUSES = ['pending', 'in_progress', 'completed', 'failed', 'cancelled'] as const;
export const TaskStatus = z.enum(TASK_STATUSES);
export type TaskStatus = z.infer<typeof TaskStatus>;
export const WaitingFor = z.enum([
  'schedule',
  'dependencies',
  'approval',
  'retry',
  'budget',
  'model',
  'concurrency',
  'caller',
]);
export type WaitingFor = z.infer<typeof WaitingFor>;

/** What to do where as many tasks with the same `concurrency_key` as may run at once already do. */
export const CONCURRENCY_STRATEGIES = ['queue', 'reject', 'cancel_running'] as const;
export const ConcurrencyStrategy = z.enum(CONCURRENCY_STRATEGIES);
export type ConcurrencyStrategy = z.infer<typeof ConcurrencyStrategy>;

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
    workflow_id: Id.nullable(),
    workflow_key: z.string().nullable(),
    concurrency_key: z.string().nullable(),
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
    requires_approval: z
      .boolean()
      .default(false)
      .describe('Wait for a person’s decision first, whatever the policy of its type says.'),
    session_id: Id.nullish(),
    concurrency_key: text(1, 200).nullish().describe('At most `concurrency_limit` tasks of one key run at once.'),
    concurrency_limit: z.number().int().min(1).max(1000).default(1),
    concurrency_strategy: ConcurrencyStrategy.default('queue').describe(
      'Where the key is in use: `queue` waits, `reject` is a 409, `cancel_running` cancels those that came before.',
    ),
  })
  .meta({ id: 'TaskInput' });
export type TaskInput = z.infer<typeof TaskInput>;
/** A task before defaults are filled in. */
export type TaskDraft = z.input<typeof TaskInput>;

const TaskAnswer = z.object({ task: Task });
/** A task with all that belongs to it. */
export const TaskDetail = z.object({
  task: Task,
  runs: z.array(Run),
  journal: z.array(JournalEntry).describe('What happened to it, oldest first; the latest 200.'),
  approval: Approval.nullable(),
});
export type TaskDetail = z.infer<typeof TaskDetail>;

/** One change of a task, as live readers get it. `id` is where to go on after it. */
export const TaskEvent = z
  .object({
    id: z.string().describe('Position in the tenant’s journal, for `Last-Event-ID` and `after`.'),
    type: z.string().describe('The type of the journal entry: task_created, task_started, task_completed, …'),
    entry: JournalEntry,
    task: Task.nullable().describe('The task as it is now; null where retention has removed it.'),
  })
  .meta({ id: 'TaskEvent' });
export type TaskEvent = z.infer<typeof TaskEvent>;

const follow = {
  after: z
    .string()
    .regex(/^\d{1,20}-\d{1,20}$/, 'must be the id of an event')
    .optional()
    .describe('Begin after this event; without it the stream begins now.'),
};

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
    workflow_id: Id.optional(),
    waiting_for: WaitingFor.optional(),
    q: text(1, 200).optional().describe('Part of the title, any case.'),
  }),
  responses: { 200: listOf('tasks', Task) },
});
export const createTaskBatch = defineRoute({
  method: 'POST',
  path: '/api/agents/tasks/batch',
  tag,
  access: 'member',
  creates: true,
  summary: 'Put up to 1000 tasks into the queue, all or none',
  body: z.strictObject({ tasks: z.array(TaskInput).min(1).max(1000) }),
  responses: { 201: z.object({ tasks: z.array(Task) }) },
});
export const streamTasks = defineRoute({
  method: 'GET',
  path: '/api/agents/tasks/stream',
  tag,
  access: 'viewer',
  summary: 'Changes of the tenant’s tasks as they happen',
  description: 'Goes on until the reader leaves. `Last-Event-ID` or `after` gives what was missed meanwhile.',
  query: z.strictObject({ ...follow, agent_id: AgentRef.optional(), task_type: TaskType.optional() }),
  responses: { 200: null },
  events: TaskEvent,
});
export const TaskFrame = z
  .object({ event: z.string(), data: z.unknown() })
  .describe('`ack` first, with request_id and trace_id; then each change, named by its type, with a TaskEvent as data.')
  .meta({ id: 'TaskFrame' });
export type TaskFrame = z.infer<typeof TaskFrame>;
export const watchTasks = defineRoute({
  method: 'GET',
  path: '/ws/v1/tasks',
  tag,
  access: 'viewer',
  summary: 'Changes of the tenant’s tasks over a WebSocket',
  query: z.strictObject({ ...follow, agent_id: AgentRef.optional(), task_type: TaskType.optional() }),
  responses: { 101: null },
  frames: TaskFrame,
});
export const TaskStats = z.object({
  by_status: z.record(z.string(), z.number().int()),
  by_agent: z.record(z.string(), z.number().int()),
  by_type: z.record(z.string(), z.number().int()),
  by_waiting: z
    .record(z.string(), z.number().int())
    .describe('Pending tasks by what they wait for; `ready` waits for a worker alone.'),
  oldest_pending_age_s: z.number().nullable().describe('Age of the oldest task that only waits for a worker.'),
  completed_last_hour: z.number().int(),
  failed_last_hour: z.number().int(),
  throughput_per_minute: z.number().describe('Tasks that ended, a minute, over the last five minutes.'),
});
export type TaskStats = z.infer<typeof TaskStats>;
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
  summary: 'One task with its run, its journal and its approval',
  params: IdParams,
  responses: { 200: TaskDetail },
});
export const streamTask = defineRoute({
  method: 'GET',
  path: '/api/agents/tasks/{id}/events',
  tag,
  access: 'viewer',
  summary: 'What happened to a task, from its creation to its end',
  description: 'Ends once the task has ended. `Last-Event-ID` or `after` skips what was seen.',
  params: IdParams,
  query: z.strictObject(follow),
  responses: { 200: null },
  events: TaskEvent,
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
