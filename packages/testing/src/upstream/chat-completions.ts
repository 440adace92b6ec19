import {
  defaultUsage,
  type Protocol,
  type UpstreamMessage,
  type UpstreamReply,
  type UpstreamRequest,
} from './reply.ts';
import { isRecord } from '@reeve/kit';
import { data, pieces, plainText, records } from './text.ts';

/** OpenAI's Chat Completions, as OpenAI-compatible servers speak it. */
export const chatCompletions: Protocol = {
  name: 'chat-completions',
  matches: (path) => path.endsWith('/chat/completions'),
  read: (_path, body) => ({
    model: String(body.model),
    messages: records(body.messages).map(readMessage),
    tools: records(body.tools).map((tool) => (isRecord(tool.function) ? String(tool.function.name) : '')),
  }),
  chunks,
  whole,
  closing: 3,
  error: (_status, message, { code }) => ({ error: { message, type: 'fake_error', param: null, code: code ?? null } }),
  errorChunk: (message, code) => data({ error: { message, type: 'server_error', param: null, code: code ?? null } }),
};

function readMessage(message: Record<string, unknown>): UpstreamMessage {
  const role = message.role === 'developer' ? 'system' : (message.role as UpstreamMessage['role']);
  const toolCalls = records(message.tool_calls).map((call) =>
    isRecord(call.function) ? String(call.function.name) : '',
  );
  return { role, text: plainText(message.content), toolCalls };
}

function whole(
  reply: UpstreamReply,
  { model }: Pick<UpstreamRequest, 'model'>,
  nextId: (prefix: string) => string,
): unknown {
  const calls = (reply.toolCalls ?? []).map(({ name, input }) => ({
    id: nextId('call'),
    type: 'function',
    function: { name, arguments: JSON.stringify(input) },
  }));
  const message = {
    role: 'assistant',
    content: reply.text?.join('') ?? null,
    ...(reply.thinking && { reasoning_content: reply.thinking.join('') }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
  const usage = usageOf(reply);
  return {
    id: nextId('chatcmpl'),
    object: 'chat.completion',
    created: 1_700_000_000,
    model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: reasonOf(reply) }],
    ...(usage && { usage }),
  };
}

function chunks(
  reply: UpstreamReply,
  { model }: Pick<UpstreamRequest, 'model'>,
  nextId: (prefix: string) => string,
): string[] {
  const base = { id: nextId('chatcmpl'), object: 'chat.completion.chunk', created: 1_700_000_000, model };
  const delta = (value: unknown) => data({ ...base, choices: [{ index: 0, delta: value, finish_reason: null }] });
  const list = [delta({ role: 'assistant', content: '' })];
  for (const part of reply.thinking ?? []) list.push(delta({ reasoning_content: part }));
  for (const part of reply.text ?? []) list.push(delta({ content: part }));
  for (const [index, call] of (reply.toolCalls ?? []).entries()) {
    list.push(
      delta({
        tool_calls: [
          {
            index,
            id: nextId('call'),
            type: 'function',
            function: { name: call.name, arguments: '' },
            ...(reply.signature !== undefined && { extra_content: { google: { thought_signature: reply.signature } } }),
          },
        ],
      }),
    );
    for (const piece of pieces(JSON.stringify(call.input)))
      list.push(delta({ tool_calls: [{ index, function: { arguments: piece } }] }));
  }
  list.push(data({ ...base, choices: [{ index: 0, delta: {}, finish_reason: reasonOf(reply) }] }));
  const usage = usageOf(reply);
  list.push(data({ ...base, choices: [], ...(usage && { usage }) }));
  list.push('data: [DONE]\n\n');
  return list;
}

function reasonOf({ finish, toolCalls }: UpstreamReply): string {
  return finish ?? (toolCalls?.length ? 'tool_calls' : 'stop');
}

function usageOf({ usage = defaultUsage }: UpstreamReply): object | undefined {
  if (usage === null) return undefined;
  return {
    prompt_tokens: usage.inputTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedTokens ?? 0 },
    completion_tokens: usage.outputTokens,
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
    total_tokens: usage.inputTokens + usage.outputTokens,
  };
}
