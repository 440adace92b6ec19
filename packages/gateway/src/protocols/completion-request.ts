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
  userMessageOf,
  type ConversationMessage,
} from './message-mapping.ts';

/** Maps a chat completion to a request to a plain model. Throws `invalid_request` for content that no model accepts. */
export function chatCallOf(body: ChatCompletionRequest, sent: unknown): ChatCall {
  const linkedImages: string[] = [];
  return {
    request: modelRequestOf(body, linkedImages),
    body: sent as ChatCall['body'],
    linkedImages,
    stream: body.stream === true,
    withUsage: body.stream_options?.include_usage === true,
  };
}

function modelRequestOf(body: ChatCompletionRequest, linkedImages: string[]): ModelRequest {
  const { model, temperature, top_p, seed, stop, response_format: format } = body;
  const choice = toolChoiceOf(body.tool_choice);
  const json = format && jsonOf(format.type, format.json_schema ?? {}, 'response_format');
  const limit = body.max_completion_tokens ?? body.max_tokens;
  return {
    model: model ?? null,
    ...toModelConversation(readMessages(body.messages, linkedImages)),
    context: [],
    tools: toolsOf(body),
    ...(choice !== undefined && { toolChoice: choice }),
    ...(limit != null && { maxOutputTokens: limit }),
    ...(temperature != null && { temperature }),
    ...(top_p != null && { topP: top_p }),
    ...(stop != null && { stop: typeof stop === 'string' ? [stop] : stop }),
    ...(seed != null && { seed }),
    ...(json && { json }),
  };
}

/** The functions of a request. Throws `invalid_request` for another kind of tool. */
export function toolsOf({ tools }: ChatCompletionRequest): ModelRequest['tools'] {
  return (tools ?? []).map(({ type, function: tool }, index) => toolOf(type, tool, `tools.${index}`));
}

/** Throws `invalid_request` for what would change the answer in a way that we do not know. */
export function refuseUnknown({ n, modalities, logprobs }: ChatCompletionRequest): void {
  if (n != null && n > 1) throw invalidField('n', 'there is one choice only; ask again for another');
  if (modalities?.some((modality) => modality !== 'text')) throw invalidField('modalities', 'answers are text only');
  if (logprobs === true) throw invalidField('logprobs', 'log probabilities are not known here');
}

/** Maps the messages of a request. The places of images that are given by their address go to `links`; without it they are refused. */
export function readMessages(messages: readonly ChatMessage[], links?: string[]): ConversationMessage[] {
  const said: ConversationMessage[] = [];
  for (const [index, message] of messages.entries()) {
    const path = `messages.${index}`;
    if (message.role === 'user') {
      said.push(userMessageOf(message.content, `${path}.content`, links));
      continue;
    }
    const content = message.content ?? (message.role === 'assistant' ? message.refusal : undefined);
    const text = textOf(content, `${path}.content`);
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
      said.push({ role: 'system', text });
    }
  }
  return said;
}
