import { z } from 'zod';
import { Id, JsonObject, Time, listOf, paging, text } from '../common.ts';
import { defineRoute } from '../route.ts';
import { AgentRef } from './names.ts';

const tag = 'Agents';

export const Slug = text(1, 100).regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, 'must be letters, digits, - and _');
const decimal = z.string().regex(/^\d{1,12}(\.\d{1,9})?$/, 'must be a decimal number of USD, such as "0.50"');

const limits = {
  max_steps: z.number().int().min(1).max(1000),
  max_cost_usd: decimal.nullable(),
  timeout_ms: z.number().int().min(1000).max(86_400_000),
};
export const AgentLimits = z.strictObject({
  max_steps: limits.max_steps.default(50),
  max_cost_usd: limits.max_cost_usd
    .default(null)
    .describe(
      'What a run may cost; it waits for its budget to be raised where that is spent. Before each call the longest answer that its model may give is reserved. Null: no limit.',
    ),
  timeout_ms: limits.timeout_ms.default(600_000),
});

const fields = {
  name: text(1, 200),
  slug: Slug.optional(),
  description: text(0, 5_000).default(''),
  model_id: text(1, 200).nullable().default(null).describe('null: the model of the server’s configuration.'),
  system_prompt: text(0, 100_000).default(''),
  tools: z.array(text(1, 100)).max(200).default([]),
  skills: z.array(text(1, 100)).max(100).default([]).describe('Names; `GET /api/v1/skills` lists what there is.'),
  mode: z.enum(['REACTIVE', 'COLLABORATIVE', 'AUTONOMOUS']).default('REACTIVE'),
  env: z.enum(['cloud_shared']).default('cloud_shared').describe('Only `cloud_shared` is built so far.'),
  visibility: z.enum(['private', 'organization', 'public']).default('private'),
  source: text(1, 50).default('api'),
  template_id: text(1, 100).nullable().default(null),
  persona_id: Id.nullable().default(null),
  limits: AgentLimits.default({ max_steps: 50, max_cost_usd: null, timeout_ms: 600_000 }),
  approvals: z.array(text(1, 100)).max(200).default([]),
  metadata: JsonObject.default({}),
};

export const AgentInput = z.strictObject(fields).meta({ id: 'AgentInput' });
export type AgentInput = z.infer<typeof AgentInput>;

/** The same fields, each optional and without a default: only what is sent changes. */
export const AgentPatch = z
  .strictObject({
    name: fields.name.optional(),
    slug: Slug.optional(),
    description: text(0, 5_000).optional(),
    model_id: text(1, 200).nullable().optional(),
    system_prompt: text(0, 100_000).optional(),
    tools: z.array(text(1, 100)).max(200).optional(),
    skills: z.array(text(1, 100)).max(100).optional(),
    mode: z.enum(['REACTIVE', 'COLLABORATIVE', 'AUTONOMOUS']).optional(),
    env: z.enum(['cloud_shared']).optional(),
    visibility: z.enum(['private', 'organization', 'public']).optional(),
    persona_id: Id.nullable().optional(),
    limits: z.strictObject(limits).partial().optional().describe('Limits that are not sent stay.'),
    approvals: z.array(text(1, 100)).max(200).optional(),
    metadata: JsonObject.optional(),
  })
  .refine((patch) => Object.keys(patch).length > 0, 'give at least one field to change');
export type AgentPatch = z.infer<typeof AgentPatch>;

export const Agent = z
  .object({
    id: Id,
    tenant_id: z.string(),
    ...fields,
    slug: z.string(),
    version: z.number().int(),
    built_in: z.boolean(),
    created_at: Time,
    updated_at: Time,
  })
  .meta({ id: 'Agent' });
export type Agent = z.infer<typeof Agent>;

const AgentParams = z.strictObject({ id: AgentRef });

export const createAgent = defineRoute({
  method: 'POST',
  path: '/api/v1/agents/configs',
  tag,
  access: 'member',
  creates: true,
  summary: 'Create an agent',
  body: AgentInput,
  responses: { 201: Agent },
});
export const listAgents = defineRoute({
  method: 'GET',
  path: '/api/v1/agents/configs',
  tag,
  access: 'viewer',
  summary: 'Agents, by name',
  query: z.strictObject({ ...paging, q: text(1, 200).optional() }),
  responses: { 200: listOf('configs', Agent) },
});
export const getAgent = defineRoute({
  method: 'GET',
  path: '/api/v1/agents/configs/{id}',
  tag,
  access: 'viewer',
  summary: 'One agent, by id or slug',
  params: AgentParams,
  responses: { 200: Agent },
});
export const updateAgent = defineRoute({
  method: 'PATCH',
  path: '/api/v1/agents/configs/{id}',
  tag,
  access: 'member',
  summary: 'Change the fields sent',
  description: 'Every change is a new version; runs keep the version they began with.',
  params: AgentParams,
  body: AgentPatch,
  responses: { 200: Agent },
});
export const deleteAgent = defineRoute({
  method: 'DELETE',
  path: '/api/v1/agents/configs/{id}',
  tag,
  access: 'member',
  summary: 'Delete an agent',
  params: AgentParams,
  responses: { 204: null },
});
export const AgentVersion = z.object({
  version: z.number().int(),
  config: AgentInput,
  created_at: Time,
  created_by: z.string().nullable(),
});
export const listAgentVersions = defineRoute({
  method: 'GET',
  path: '/api/v1/agents/configs/{id}/versions',
  tag,
  access: 'viewer',
  summary: 'Versions of an agent, newest first',
  params: AgentParams,
  query: z.strictObject({ ...paging }),
  responses: { 200: listOf('versions', AgentVersion) },
});
export const restoreAgentVersion = defineRoute({
  method: 'POST',
  path: '/api/v1/agents/configs/{id}/versions/{version}/restore',
  tag,
  access: 'member',
  summary: 'Make an old version the newest again',
  params: z.strictObject({ id: AgentRef, version: z.coerce.number().int().min(1) }),
  responses: { 200: Agent },
});
