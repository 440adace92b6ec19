import { z } from 'zod';
import { Id, IdParams, Time, listOf, paging, text } from '../common.ts';
import { defineRoute } from '../route.ts';
import { Task, TaskInput, TaskStatus } from './tasks.ts';

const tag = 'Workflows';

export const WorkflowKey = text(1, 100).regex(
  /^[A-Za-z0-9][A-Za-z0-9_.-]*$/,
  'must be letters, digits, ., - and _, beginning with a letter or digit',
);
export const OnFailure = z.enum(['cancel_dependents', 'run_anyway']);

const WorkflowTaskInput = TaskInput.omit({ depends_on: true })
  .extend({
    key: WorkflowKey.describe('Names the task inside the workflow.'),
    depends_on: z
      .array(WorkflowKey)
      .max(100)
      .default([])
      .describe(
        'Keys of tasks that must end first; their results come in the payload as `dependencies: {key: result}`.',
      ),
  })
  .meta({ id: 'WorkflowTaskInput' });

/** Tasks and what waits for what. */
export const WorkflowInput = z
  .strictObject({
    title: text(1, 500),
    tasks: z.array(WorkflowTaskInput).min(1).max(1000),
    on_failure: OnFailure.default('cancel_dependents').describe(
      'What becomes of tasks that wait for one that failed. With `run_anyway` it counts as ended, with a null result.',
    ),
  })
  .meta({ id: 'WorkflowInput' });
export type WorkflowInput = z.infer<typeof WorkflowInput>;

export const WorkflowSummary = z
  .object({
    id: Id,
    tenant_id: z.string(),
    title: z.string(),
    on_failure: OnFailure,
    status: TaskStatus.describe(
      'completed: every task is; failed or cancelled: all have ended, and one so; in_progress: some have begun or ended.',
    ),
    counts: z.record(z.string(), z.number().int()).describe('Its tasks by status.'),
    trace_id: z.string(),
    created_by_user_id: z.string().nullable(),
    created_at: Time,
  })
  .meta({ id: 'WorkflowSummary' });
export type WorkflowSummary = z.infer<typeof WorkflowSummary>;
export const Workflow = WorkflowSummary.extend({
  tasks: z.array(Task.extend({ key: z.string() })).describe('In the order in which they were given.'),
}).meta({ id: 'Workflow' });
export type Workflow = z.infer<typeof Workflow>;

export const createWorkflow = defineRoute({
  method: 'POST',
  path: '/api/agents/workflows',
  tag,
  access: 'member',
  creates: true,
  summary: 'Put a graph of tasks into the queue, all or none',
  description: 'A cycle or an unknown key is a 400 that names it.',
  body: WorkflowInput,
  responses: { 201: Workflow },
});
export const listWorkflows = defineRoute({
  method: 'GET',
  path: '/api/agents/workflows',
  tag,
  access: 'viewer',
  summary: 'Workflows, newest first',
  query: z.strictObject(paging),
  responses: { 200: listOf('workflows', WorkflowSummary) },
});
export const getWorkflow = defineRoute({
  method: 'GET',
  path: '/api/agents/workflows/{id}',
  tag,
  access: 'viewer',
  summary: 'A workflow with its tasks',
  params: IdParams,
  responses: { 200: Workflow },
});
export const cancelWorkflow = defineRoute({
  method: 'POST',
  path: '/api/agents/workflows/{id}/cancel',
  tag,
  access: 'member',
  summary: 'Cancel every task of a workflow that has not ended',
  params: IdParams,
  responses: { 200: Workflow },
});
