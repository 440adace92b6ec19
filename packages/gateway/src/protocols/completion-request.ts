import type { ChatCompletionRequest, ChatMessage } from '@reeve/contract';
import { invalidField } from '@reeve/kit';
import type { ChatCall, ModelRequest } from '@reeve/models';
import { jsonOf, toolChoiceOf, toolOf } from './model-call.ts';
import {
  addCall,
  argumentsOf,
  toolNamesById,
  toModelConversation,
  textOf,
  type ConversationMessage,
} from './message-mapping.ts';

/** Maps a chat completion to a request to a plain model. Throws `invalid_request` for content that no model accepts. */
export function chatCallOf(body: ChatCompletionRequest, sent: unknown): ChatCall {
  const pictures: string[] = [];
  return {
    request: modelRequestOf(body, pictures),
    body: sent as ChatCall['body'],
    pictures,
    stream: body.stream === true,
    withUsage: body.stream_options?.include_usage === true,
  };
}

function modelRequestOf(body: ChatCompletionRequest, pictures: string[]): ModelRequest {
  const { model, temperature, top_p, seed, stop, response_format: format } = body;
  const choice = toolChoiceOf(body.tool_choice);
  const json = format && jsonOf(format.type, format.json_schema ?? {}, 'response_format');
  const limit = body.max_completion_tokens ?? body.max_tokens;
  return {
    model: model ?? null,
    ...toModelConversation(readMessages(body.messages, pictures)),
    context: [],
    tools: (body.tools ?? []).map(({ type, function: tool }, index) => toolOf(type, tool, `tools.${index}`)),
    ...(choice !== undefined && { toolChoice: choice }),
    ...(limit != null && { maxOutputTokens: limit }),
    ...(temperature != null && { temperature }),
    ...(top_p != null && { topP: top_p }),
    ...(stop != null && { stop: typeof stop === 'string' ? [stop] : stop }),
    ...(seed != null && { seed }),
    ...(json && { json }),
  };
}

/** Throws `invalid_request` for unknown fields that could change the answer. */
export function refuseUnknown({ n, modalities, logprobs }: ChatCompletionRequest): void {
  if (n != null && n > 1) throw invalidField('n', 'there is one choice only; ask again for another');
  if (modalities?.some((modality) => modality !== 'text')) throw invalidField('modalities', 'answers are text only');
  if (logprobs === true) throw invalidField('logprobs', 'log probabilities are not known here');
}

/** Maps the messages of a request. Paths of image parts are added to `pictures`; without it images are refused. */
export function readMessages(messages: readonly ChatMessage[], pictures?: string[]): ConversationMessage[] {
  const said: ConversationMessage[] = [];
  for (const [index, message] of messages.entries()) {
    const path = `messages.${index}`;
    const text = textOf(
      message.content ?? (message.role === 'assistant' ? message.refusal : undefined),
      `${path}.content`,
      message.role === 'user' ? pictures : undefined,
    );
    if (message.role === 'tool') {
      const toolCallId = message.tool_call_id ?? '';
      const name = toolNamesById(said).get(toolCallId);
      if (name === undefined)
        throw invalidField(`${path}.tool_call_id`, 'must be the id of a call that an earlier message makes');
      said.push({ role: 'tool', toolCallId, name, output: text, isError: false });
    } else if (message.role === 'assistant') {
      said.push({ role: 'assistant', text, toolCalls: [] });
      for (const { id, function: called } of message.tool_calls ?? []) {
        if (called === undefined) throw invalidField(`${path}.tool_calls`, 'only calls of functions are supported');
        addCall(said, { id, name: called.name, input: argumentsOf(called.arguments) });
      }
    } else {
      said.push({ role: message.role === 'user' ? 'user' : 'system', text });
    }
  }
  return said;
}
