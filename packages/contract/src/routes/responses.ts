import { z } from 'zod';
import { JsonObject, text } from '../common.ts';
import { defineRoute } from '../route.ts';
import { ModelName, ToolChoice } from './completions.ts';
import { Multitask } from './runs.ts';
import { Content, FILES_BODY_BYTES, MESSAGE_LENGTH, openAiFailures, SessionName, ToolName } from './wire-shapes.ts';

const tag = 'OpenAI: Responses';

/** An item of the input: a message where it has no `type`. */
const InputItem = z
  .object({
    type: text(1, 100).nullish(),
    role: z.enum(['system', 'developer', 'user', 'assistant']).optional(),
    content: Content.nullish(),
    call_id: text(1, 200).optional(),
    name: text(1, 200).nullish(),
    arguments: text(0, MESSAGE_LENGTH).optional(),
    output: Content.nullish(),
  })
  .meta({ id: 'ResponseInputItem' });
export type ResponseInputItem = z.infer<typeof InputItem>;

const Tool = z.object({
  type: text(1, 100),
  name: ToolName.optional(),
  description: text(0, 100_000).nullish(),
  parameters: JsonObject.nullish(),
});

const ResponseId = text(1, 100).describe('`resp_` and 32 digits; `_` and a number where results of tools came before.');

export const ResponseRequest = z.object({
  model: ModelName.nullish(),
  input: z.union([text(0, MESSAGE_LENGTH), z.array(InputItem).min(1).max(10_000)]),
  instructions: text(0, MESSAGE_LENGTH).nullish(),
  previous_response_id: ResponseId.nullish(),
  conversation: z.unknown().optional().describe('Refused: use `previous_response_id`.'),
  stream: z.boolean().nullish(),
  store: z.boolean().nullish().describe('A run of an agent is always kept.'),
  background: z.boolean().nullish().describe('For agents only.'),
  max_output_tokens: z.number().int().min(1).max(10_000_000).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  tools: z.array(Tool).max(1_000).nullish(),
  tool_choice: ToolChoice.nullish(),
  text: z
    .object({
      format: z.object({ type: text(1, 100), name: text(1, 100).nullish(), schema: JsonObject.nullish() }).nullish(),
    })
    .nullish(),
  metadata: JsonObject.nullish(),
  session_id: SessionName.nullish().describe('Ours: the conversation with an agent. `x-session-id` says the same.'),
  multitask: Multitask.optional().describe('Ours: what becomes of it where an agent’s conversation is busy.'),
  timeout_ms: z.number().int().min(1).max(600_000).optional().describe('Ours: how long to wait for an agent.'),
});
export type ResponseRequest = z.infer<typeof ResponseRequest>;

const ResponseUsage = z.object({
  input_tokens: z.number().int(),
  input_tokens_details: z.object({ cached_tokens: z.number().int() }),
  output_tokens: z.number().int(),
  output_tokens_details: z.object({ reasoning_tokens: z.number().int() }),
  total_tokens: z.number().int(),
});
export type ResponseUsage = z.infer<typeof ResponseUsage>;

const ItemStatus = z.enum(['in_progress', 'completed', 'incomplete', 'failed']);
const OutputItem = z
  .looseObject({ id: z.string(), type: z.string(), status: ItemStatus.optional() })
  .describe('`message`, `reasoning`, `function_call`; `mcp_call` for what an agent called by itself.');
export type ResponseItem = z.infer<typeof OutputItem>;

export const ResponseObject = z
  .looseObject({
    id: z.string(),
    object: z.literal('response'),
    created_at: z.number().int(),
    status: z.enum(['queued', 'in_progress', 'completed', 'failed', 'cancelled', 'incomplete']),
    model: z.string(),
    output: z.array(OutputItem),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    incomplete_details: z.object({ reason: z.string() }).nullable(),
    instructions: z.string().nullable(),
    metadata: z.record(z.string(), z.unknown()),
    previous_response_id: z.string().nullable(),
    background: z.boolean(),
    usage: ResponseUsage.nullable(),
  })
  .meta({ id: 'Response' });
export type ResponseObject = z.infer<typeof ResponseObject>;

export const ResponseEvent = z
  .looseObject({
    type: z.string().describe('`response.created`, `response.output_text.delta`, …, `response.completed`.'),
    sequence_number: z.number().int().describe('From 0; of an agent’s response the same in every reading.'),
  })
  .meta({ id: 'ResponseEvent' });
export type ResponseEvent = z.infer<typeof ResponseEvent>;

const params = z.object({ id: ResponseId });

export const createResponse = defineRoute({
  method: 'POST',
  path: '/v1/responses',
  tag,
  access: 'member',
  creates: true,
  failures: openAiFailures,
  ignoresForeignTokens: true,
  summary: 'Talk to an agent or a model by Open Responses',
  description:
    'With `model: "agent/<slug or id>"` the response is a run: it goes on without readers, and can be read, streamed again and stopped by its id. Unknown fields are ignored.',
  body: ResponseRequest,
  bodyBytes: FILES_BODY_BYTES,
  responses: { 200: ResponseObject },
  events: ResponseEvent,
});
export const getResponse = defineRoute({
  method: 'GET',
  path: '/v1/responses/{id}',
  tag,
  access: 'viewer',
  failures: openAiFailures,
  ignoresForeignTokens: true,
  summary: 'One response, or its events',
  params,
  query: z.object({
    stream: z.enum(['true', 'false']).optional(),
    starting_after: z.coerce.number().int().min(0).max(2_147_483_647).optional(),
  }),
  responses: { 200: ResponseObject },
  events: ResponseEvent,
});
export const cancelResponse = defineRoute({
  method: 'POST',
  path: '/v1/responses/{id}/cancel',
  tag,
  access: 'member',
  failures: openAiFailures,
  ignoresForeignTokens: true,
  summary: 'Stop the run that a response is',
  description: 'One that has ended is answered as it is.',
  params,
  responses: { 200: ResponseObject },
});
