import { z } from 'zod';
import { Id, JsonObject, text } from '../common.ts';
import { defineRoute } from '../route.ts';

const tag = 'Tools and sandbox';

export const ToolStatus = z.enum(['success', 'error', 'timeout', 'denied', 'circuit_open']);
export type ToolStatus = z.infer<typeof ToolStatus>;

export const ToolInfo = z
  .object({
    name: z.string(),
    description: z.string(),
    effect: z.enum(['none', 'idempotent', 'external']),
    source: z.string(),
    input_schema: z.record(z.string(), z.unknown()),
    available: z.boolean(),
    unavailable_reason: z.string().optional(),
    breaker: z.enum(['closed', 'open', 'half_open']),
    runs_at: z.string().optional().describe('The sandbox that runs it, where that is another process.'),
  })
  .meta({ id: 'Tool' });
export type ToolInfo = z.infer<typeof ToolInfo>;

export const listTools = defineRoute({
  method: 'GET',
  path: '/api/v1/tools',
  tag,
  access: 'viewer',
  summary: 'Every tool, with its schema and breaker',
  responses: { 200: z.object({ tools: z.array(ToolInfo) }) },
});

/** What a tool call came to. `result` is what a model is shown. */
export const ToolOutcome = z
  .object({
    tool_status: ToolStatus,
    result: z.unknown(),
    stdout: z.string(),
    stderr: z.string(),
    exit_code: z.number().int().nullable(),
    duration_ms: z.number(),
    truncated: z.boolean(),
  })
  .meta({ id: 'ToolOutcome' });
export type ToolOutcome = z.infer<typeof ToolOutcome>;

export const ExecuteToolInput = z.strictObject({
  tool_name: text(1, 100),
  args: JsonObject.optional(),
  code: text(1, 200_000).optional(),
  session_id: Id.optional(),
});
export type ExecuteToolInput = z.infer<typeof ExecuteToolInput>;

export const executeTool = defineRoute({
  method: 'POST',
  path: '/api/v1/execute_tool',
  tag,
  access: 'member',
  summary: 'Run one tool',
  body: ExecuteToolInput,
  responses: { 200: ToolOutcome },
});
