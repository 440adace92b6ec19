import { z } from 'zod';
import { Id, IdParams, JsonObject, Time, listOf, paging, text } from '../common.ts';
import { defineRoute } from '../route.ts';
import { AgentRef, TaskType } from './names.ts';

const tag = 'Approvals';

export const Decision = z.enum(['approve', 'reject']);
export type Decision = z.infer<typeof Decision>;
export const APPROVAL_STATUSES = ['pending', 'approved', 'rejected', 'withdrawn'] as const;
export const ApprovalStatus = z.enum(APPROVAL_STATUSES);
export type ApprovalStatus = z.infer<typeof ApprovalStatus>;

export const APPROVAL_KINDS = ['task', 'tool_call', 'tool_outcome'] as const;
export const ApprovalKind = z
  .enum(APPROVAL_KINDS)
  .describe(
    'What is asked: whether a task may start; whether a tool call may be made; or, where a crash hid what became of a call, whether to make it again.',
  );
export type ApprovalKind = z.infer<typeof ApprovalKind>;

/** A person’s decision that something waits for. `withdrawn`: what waited for it ended before there was one. */
export const Approval = z
  .object({
    id: Id,
    tenant_id: z.string(),
    kind: ApprovalKind,
    task_id: Id,
    run_id: Id.nullable(),
    step: z.number().int().nullable(),
    tool: z.string().nullable(),
    tool_call_id: z.string().nullable(),
    agent_id: z.string(),
    title: z.string(),
    input: z.unknown(),
    status: ApprovalStatus,
    requested_by: z.string().nullable(),
    requested_at: Time,
    expires_at: Time.nullable(),
    default_decision: Decision.describe('What is decided where nobody has by `expires_at`.'),
    decided_by: z.string().nullable().describe('A user id; `system` where the time ran out.'),
    decided_at: Time.nullable(),
    reason: z.string().nullable(),
    edited_input: z.unknown().describe('For a tool call: the input that was used instead of `input`; else null.'),
    result: z.unknown().describe('For a hidden outcome: the result that was given by hand; else null.'),
  })
  .meta({ id: 'Approval' });
export type Approval = z.infer<typeof Approval>;

export const listApprovals = defineRoute({
  method: 'GET',
  path: '/api/v1/approvals',
  tag,
  access: 'viewer',
  summary: 'Approvals, oldest first while they wait, else newest first',
  query: z.strictObject({
    ...paging,
    status: ApprovalStatus.default('pending'),
    kind: ApprovalKind.optional(),
    agent_id: AgentRef.optional(),
    task_id: Id.optional(),
    run_id: Id.optional(),
  }),
  responses: { 200: listOf('approvals', Approval) },
});
export const getApproval = defineRoute({
  method: 'GET',
  path: '/api/v1/approvals/{id}',
  tag,
  access: 'viewer',
  summary: 'One approval',
  params: IdParams,
  responses: { 200: Approval },
});
export const decideApproval = defineRoute({
  method: 'POST',
  path: '/api/v1/approvals/{id}',
  tag,
  access: 'operator',
  summary: 'Approve or reject what waits',
  description:
    '409 where it is decided already, or its time has run out. Where the outcome of a tool call is hidden (`tool_outcome`), `approve` makes the call again, `reject` skips it, and `approve` with a `result` gives its result by hand.',
  params: IdParams,
  body: z.strictObject({
    decision: Decision,
    reason: text(0, 2000).nullish(),
    edited_input: JsonObject.nullish().describe('For a tool call: the input to use instead.'),
    result: z.unknown().optional().describe('For a hidden outcome: what the call came to.'),
  }),
  responses: { 200: Approval },
});

const TenantId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'must be the id of a tenant');

/** Whether tasks of a type start by themselves. A tenant’s rule goes before the global one; without either they do. */
export const TaskPolicy = z
  .object({
    task_type: z.string(),
    tenant: z.string().nullable().describe('Null: for every tenant.'),
    auto_execute: z.boolean(),
    expires_after_s: z
      .number()
      .int()
      .nullable()
      .describe('How long a decision is waited for; null: the default, 7 days.'),
    default_decision: Decision,
    updated_by: z.string(),
    updated_at: Time,
  })
  .meta({ id: 'TaskPolicy' });
export type TaskPolicy = z.infer<typeof TaskPolicy>;

export const listPolicies = defineRoute({
  method: 'GET',
  path: '/api/agents/policies',
  tag,
  access: 'viewer',
  summary: 'The rules that hold for the caller’s tenant: its own and the global ones',
  query: z.strictObject(paging),
  responses: { 200: listOf('policies', TaskPolicy) },
});
export const putPolicy = defineRoute({
  method: 'PUT',
  path: '/api/agents/policies',
  tag,
  access: 'operator',
  summary: 'Set whether tasks of a type start by themselves',
  description:
    'Without `tenant` the rule is global, which needs an admin of the tenant `default`, as a rule for another tenant does.',
  body: z.strictObject({
    task_type: TaskType,
    auto_execute: z.boolean(),
    tenant: TenantId.nullish(),
    expires_after_s: z.number().int().min(1).max(31_536_000).nullish(),
    default_decision: Decision.default('reject'),
  }),
  responses: { 200: TaskPolicy },
});

export const deletePolicy = defineRoute({
  method: 'DELETE',
  path: '/api/agents/policies/{task_type}',
  tag,
  access: 'operator',
  summary: 'Take a rule away, so that the global one holds, or none',
  description:
    'Without `tenant` it is the global one, which needs an admin of the tenant `default`, as setting it does.',
  params: z.strictObject({ task_type: TaskType }),
  query: z.strictObject({ tenant: TenantId.optional() }),
  responses: { 204: null },
});

/** How many tasks run at once: of the whole tenant, or of one of its agents. */
export const ConcurrencyLimit = z
  .object({ agent_id: z.string().nullable().describe('Null: the whole tenant.'), max_running: z.number().int() })
  .meta({ id: 'ConcurrencyLimit' });
export type ConcurrencyLimit = z.infer<typeof ConcurrencyLimit>;

export const listLimits = defineRoute({
  method: 'GET',
  path: '/api/agents/limits',
  tag,
  access: 'viewer',
  summary: 'How many tasks may run at once',
  query: z.strictObject(paging),
  responses: { 200: listOf('limits', ConcurrencyLimit) },
});
export const putLimit = defineRoute({
  method: 'PUT',
  path: '/api/agents/limits',
  tag,
  access: 'operator',
  summary: 'Set how many tasks may run at once; null takes the limit away',
  body: z.strictObject({
    agent_id: AgentRef.nullish().describe('Leave it out for the whole tenant.'),
    max_running: z.number().int().min(0).max(100_000).nullable().describe('0 lets nothing start.'),
  }),
  responses: { 200: listOf('limits', ConcurrencyLimit) },
});
