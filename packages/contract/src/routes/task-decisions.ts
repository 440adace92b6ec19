import { z } from 'zod';
import { IdParams, listOf, paging, text } from '../common.ts';
import { defineRoute } from '../route.ts';
import { Approval, Decision } from './approvals.ts';
import { Task } from './tasks.ts';

const tag = 'Tasks';

export const listPendingApproval = defineRoute({
  method: 'GET',
  path: '/api/agents/tasks/pending-approval',
  tag,
  access: 'viewer',
  summary: 'Tasks that wait for a decision, oldest first',
  query: z.strictObject(paging),
  responses: { 200: listOf('tasks', Task.extend({ approval: Approval }).meta({ id: 'TaskToApprove' })) },
});
export const decideTask = defineRoute({
  method: 'POST',
  path: '/api/agents/tasks/{id}/decision',
  tag,
  access: 'operator',
  summary: 'Approve or reject a task that waits for it',
  description:
    'A rejected task is `failed`, with the reason, and stays. 409 where it is decided or its time has run out.',
  params: IdParams,
  body: z.strictObject({ decision: Decision, reason: text(0, 2000).nullish() }),
  responses: { 200: z.object({ task: Task, journal_entry_id: z.string() }) },
});
