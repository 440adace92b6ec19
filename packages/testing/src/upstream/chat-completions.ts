import {
  defaultUsage,
  type Protocol,
  type UpstreamMessage,
  type UpstreamReply,
  type UpstreamRequest,
} from './reply.ts';
import { data, isRecord, pieces, plainText, records } from './text.ts';

/** OpenAI's Chat Completions, streaming, as OpenAI-compatible servers speak it. */
export const chatCompletions: Protocol = {
  name: 'chat-completions',
  matches: (path) => path.endsWith('/chat/completions'),
  read: (_path, body) => ({
    model: String(body.model),
    messages: records(body.messages).map(readMessage),
    tools: records(body.tools).map((tool) => (isRecord(tool.function) ? String(tool.function.name) : '')),
  }),
  chunks,
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
  const reason = reply.finish ?? (reply.toolCalls?.length ? 'tool_calls' : 'stop');
  list.push(data({ ...base, choices: [{ index: 0, delta: {}, finish_reason: reason }] }));
  const usage = reply.usage === undefined ? defaultUsage : reply.usage;
  if (usage === null) list.push(data({ ...base, choices: [] }));
  else {
    const total = usage.inputTokens + usage.outputTokens;
    list.push(
      data({
        ...base,
        choices: [],
        usage: {
          prompt_tokens: usage.inputTokens,
          prompt_tokens_details: { cached_tokens: usage.cachedTokens ?? 0 },
          completion_tokens: usage.outputTokens,
          completion_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
          total_tokens: total,
        },
      }),
    );
  }
  list.push('data: [DONE]\n\n');
  return list;
}
