import { z } from 'zod';
import { JsonObject, text } from '../common.ts';
import { defineRoute } from '../route.ts';
import { AgentRef } from './names.ts';
import { Multitask } from './runs.ts';
import { ContentPart, FILES_BODY_BYTES, MESSAGE_LENGTH, plainFailures, SessionName, ToolName } from './wire-shapes.ts';

const tag = 'Chat';

/** A part of a message as `useChat` keeps it; only what we read of it. */
const UiPart = ContentPart.extend({
  state: text(1, 100).optional(),
  toolCallId: text(1, 300).optional(),
  providerExecuted: z.boolean().optional(),
  output: z.unknown().optional(),
  errorText: text(0, MESSAGE_LENGTH).optional(),
  approval: z
    .object({ id: text(1, 200), approved: z.boolean().optional(), reason: text(0, 2_000).optional() })
    .optional(),
});
export const UiMessage = z
  .object({
    id: text(0, 200).optional(),
    role: z.enum(['system', 'user', 'assistant']),
    parts: z.array(UiPart).max(10_000),
  })
  .meta({ id: 'UiMessage' });
export type UiMessage = z.infer<typeof UiMessage>;

export const UiMessageChunk = z
  .looseObject({ type: z.string().describe('`start`, `text-delta`, `tool-input-available`, …, `finish`.') })
  .meta({ id: 'UiMessageChunk' });
export type UiMessageChunk = z.infer<typeof UiMessageChunk>;

export const uiChat = defineRoute({
  method: 'POST',
  path: '/api/chat',
  tag,
  access: 'member',
  creates: true,
  failures: plainFailures,
  ignoresForeignTokens: true,
  summary: 'Talk to an agent as the AI SDK’s useChat does',
  description:
    'The AI SDK’s UI message stream, version 1. `id` is the chat, a session; the newest user message is what is said. Answers to approvals that the last message carries are decided, which needs the role operator, and outputs of the client’s own `tools` are given to the run that called them; the run that waited is followed on. Unknown fields are ignored.',
  body: z.object({
    id: SessionName,
    messages: z.array(UiMessage).min(1).max(10_000),
    trigger: z.enum(['submit-message', 'regenerate-message']).default('submit-message'),
    agent: AgentRef.nullish().describe('Ours, given as an extra body field; `assistant` where it is left out.'),
    multitask: Multitask.optional().describe('Ours: what becomes of it where the chat is busy.'),
    tools: z
      .record(ToolName, z.object({ description: text(0, 100_000).nullish(), parameters: JsonObject.nullish() }))
      .nullish()
      .describe('Tools of the client’s own, by name, that the agent is offered for this answer.'),
    metadata: JsonObject.nullish(),
  }),
  bodyBytes: FILES_BODY_BYTES,
  responses: { 200: z.string() },
  produces: 'text/event-stream',
  events: UiMessageChunk,
});
export const resumeUiChat = defineRoute({
  method: 'GET',
  path: '/api/chat/{id}/stream',
  tag,
  access: 'viewer',
  failures: plainFailures,
  ignoresForeignTokens: true,
  summary: 'The answer in progress of a chat, from its beginning',
  description: '204 where nothing runs, and where there is no such chat.',
  params: z.object({ id: SessionName }),
  responses: { 200: z.string(), 204: null },
  produces: 'text/event-stream',
  events: UiMessageChunk,
});

/** What a client may send over the companion’s WebSocket. */
export const CompanionFrame = z.object({
  action: z.literal('send_message', { error: 'must be send_message' }),
  payload: z.object({
    prompt: text(1, 200_000),
    session_id: SessionName.nullish().describe('Left out: one session for the whole connection.'),
    resources: z.array(z.unknown()).max(100).nullish().describe('Given to the agent as JSON behind the prompt.'),
    agent: AgentRef.nullish(),
    multitask: Multitask.optional(),
  }),
});
export type CompanionFrame = z.infer<typeof CompanionFrame>;

export const companion = defineRoute({
  method: 'GET',
  path: '/ws/v1/companion',
  tag,
  access: 'member',
  summary: 'Talk to an agent over a WebSocket',
  description:
    'Send `{"action": "send_message", "payload": {"prompt", "session_id"?, "resources"?, "agent"?, "multitask"?}}`, as often as you like. Each message is answered by an `ack` frame, its run’s events as `{"event": "<type>", "data"}`, and last `agi_response` or `error`. Closing the connection stops no run.',
  responses: { 101: null },
  frames: z.object({
    event: z.string().describe('`ack`, the type of a run’s event, `agi_response` or `error`.'),
    data: z.looseObject({}),
  }),
});
