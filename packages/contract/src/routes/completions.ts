import { z } from 'zod';
import { JsonObject, text } from '../common.ts';
import { defineRoute } from '../route.ts';
import { Content, FILES_BODY_BYTES, MESSAGE_LENGTH, openAiFailures, SessionName, ToolName } from './wire-shapes.ts';
import { Multitask } from './runs.ts';

const tag = 'OpenAI: Chat Completions';

/** A model of a request: `agent/<slug or id>`, a provider’s model, or nothing for the server’s own. */
export const ModelName = text(1, 200);

const ToolCall = z.object({
  id: text(1, 200),
  type: text(1, 100).nullish(),
  function: z.object({ name: text(1, 200), arguments: text(0, MESSAGE_LENGTH) }).optional(),
});

const ChatMessage = z
  .object({
    role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
    content: Content.nullish(),
    refusal: text(0, MESSAGE_LENGTH).nullish(),
    tool_calls: z.array(ToolCall).max(1_000).nullish(),
    tool_call_id: text(1, 200).nullish(),
  })
  .meta({ id: 'ChatMessage' });
export type ChatMessage = z.infer<typeof ChatMessage>;

/** JSON Schema, as deep as a body may be. */
const Schema = JsonObject;

const Tool = z.object({
  type: text(1, 100),
  function: z
    .object({
      name: ToolName,
      description: text(0, 100_000).nullish(),
      parameters: Schema.nullish(),
    })
    .optional(),
});

export const ToolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.object({ type: text(1, 100), name: text(1, 64).optional(), function: z.object({ name: text(1, 64) }).optional() }),
]);
export type ToolChoice = z.infer<typeof ToolChoice>;

const count = z.number().int().min(1).max(10_000_000).nullish();

export const ChatCompletionRequest = z.object({
  model: ModelName.nullish(),
  messages: z.array(ChatMessage).min(1).max(10_000),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  tools: z.array(Tool).max(1_000).nullish(),
  tool_choice: ToolChoice.nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  logit_bias: z.record(z.string(), z.number()).nullish(),
  max_tokens: count,
  max_completion_tokens: count,
  stop: z.union([text(1, 1_000), z.array(text(1, 1_000)).max(16)]).nullish(),
  seed: z.number().int().min(-2_147_483_648).max(4_294_967_295).nullish(),
  n: z.number().int().min(1).max(128).nullish().describe('Only 1.'),
  response_format: z
    .object({
      type: text(1, 100),
      json_schema: z.object({ name: text(1, 100).nullish(), schema: Schema.nullish() }).nullish(),
    })
    .nullish(),
  modalities: z.array(text(1, 100)).max(10).nullish().describe('Only `text`.'),
  logprobs: z.boolean().nullish().describe('Only false.'),
  metadata: JsonObject.nullish().describe('`session_id` in it names the conversation with an agent.'),
  session_id: SessionName.nullish().describe('Ours: the conversation with an agent. `x-session-id` says the same.'),
  multitask: Multitask.optional().describe('Ours: what becomes of it where an agent’s conversation is busy.'),
  timeout_ms: z.number().int().min(1).max(600_000).optional().describe('Ours: how long to wait for an agent.'),
});
export type ChatCompletionRequest = z.infer<typeof ChatCompletionRequest>;

const CompletionUsage = z.object({
  prompt_tokens: z.number().int(),
  completion_tokens: z.number().int(),
  total_tokens: z.number().int(),
  prompt_tokens_details: z.object({ cached_tokens: z.number().int() }),
  completion_tokens_details: z.object({ reasoning_tokens: z.number().int() }),
});
export type CompletionUsage = z.infer<typeof CompletionUsage>;

const FinishReason = z.enum(['stop', 'tool_calls', 'length', 'content_filter']);
export type CompletionFinish = z.infer<typeof FinishReason>;

const CalledFunction = z.object({
  id: z.string(),
  type: z.literal('function'),
  function: z.object({ name: z.string(), arguments: z.string() }),
});

const head = { id: z.string(), created: z.number().int(), model: z.string() };

export const ChatCompletion = z
  .object({
    ...head,
    object: z.literal('chat.completion'),
    choices: z.array(
      z.object({
        index: z.number().int(),
        message: z.object({
          role: z.literal('assistant'),
          content: z.string().nullable(),
          refusal: z.null(),
          reasoning_content: z.string().optional(),
          tool_calls: z.array(CalledFunction).optional(),
        }),
        logprobs: z.null(),
        finish_reason: FinishReason,
      }),
    ),
    usage: CompletionUsage,
  })
  .meta({ id: 'ChatCompletion' });
export type ChatCompletion = z.infer<typeof ChatCompletion>;

export const ChatCompletionChunk = z
  .object({
    ...head,
    object: z.literal('chat.completion.chunk'),
    choices: z.array(
      z.object({
        index: z.number().int(),
        delta: z.object({
          role: z.literal('assistant').optional(),
          content: z.string().optional(),
          reasoning_content: z.string().optional(),
          tool_calls: z.array(CalledFunction.extend({ index: z.number().int() })).optional(),
        }),
        logprobs: z.null(),
        finish_reason: FinishReason.nullable(),
      }),
    ),
    usage: CompletionUsage.nullish(),
  })
  .meta({ id: 'ChatCompletionChunk' });
export type ChatCompletionChunk = z.infer<typeof ChatCompletionChunk>;

const Model = z
  .object({ id: z.string(), object: z.literal('model'), created: z.number().int(), owned_by: z.string() })
  .meta({ id: 'OpenAiModel' });
export type OpenAiModel = z.infer<typeof Model>;

export const createChatCompletion = defineRoute({
  method: 'POST',
  path: '/v1/chat/completions',
  tag,
  access: 'member',
  creates: true,
  failures: openAiFailures,
  ignoresForeignTokens: true,
  summary: 'Talk to an agent or a model as OpenAI’s clients do',
  description:
    '`model: "agent/<slug or id>"` starts a run, any other model is called as it is. `stream: true` answers with server-sent events. Unknown fields are handed on to a model whose provider speaks this protocol too, else ignored.',
  body: ChatCompletionRequest,
  bodyBytes: FILES_BODY_BYTES,
  responses: { 200: ChatCompletion },
  events: ChatCompletionChunk,
});
export const listModels = defineRoute({
  method: 'GET',
  path: '/v1/models',
  tag,
  access: 'viewer',
  failures: openAiFailures,
  ignoresForeignTokens: true,
  summary: 'The models that are known by name, and the agents',
  query: z.object({
    limit: z.coerce.number().int().min(1).max(200).default(200).describe('Ours: how many agents.'),
    offset: z.coerce.number().int().min(0).max(10_000_000).default(0).describe('Ours: how many agents to leave out.'),
  }),
  responses: { 200: z.object({ object: z.literal('list'), data: z.array(Model) }) },
});
export const getModel = defineRoute({
  method: 'GET',
  path: '/v1/models/{id}',
  tag,
  access: 'viewer',
  failures: openAiFailures,
  ignoresForeignTokens: true,
  summary: 'One model or agent',
  params: z.object({ id: ModelName }),
  responses: { 200: Model },
});
/** The same for a name with an unescaped slash in it, such as `agent/assistant`. */
export const getModelOf = defineRoute({
  method: 'GET',
  path: '/v1/models/{owner}/{id}',
  tag,
  access: 'viewer',
  failures: openAiFailures,
  ignoresForeignTokens: true,
  summary: 'One model or agent, by a name with a slash',
  params: z.object({ owner: text(1, 100), id: ModelName }),
  responses: { 200: Model },
});
