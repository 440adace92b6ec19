import {
  defaultUsage,
  type Protocol,
  type UpstreamMessage,
  type UpstreamReply,
  type UpstreamRequest,
} from './reply.ts';
import { isRecord } from '@reeve/kit';
import { named, pieces, plainText, records } from './text.ts';

/** Anthropic's Messages, streaming. */
export const anthropic: Protocol = {
  name: 'anthropic',
  matches: (path) => path.endsWith('/messages'),
  read: (_path, body) => ({
    model: String(body.model),
    messages: [
      ...(body.system === undefined ? [] : [{ role: 'system' as const, text: plainText(body.system), toolCalls: [] }]),
      ...records(body.messages).flatMap(readMessage),
    ],
    tools: records(body.tools).map((tool) => String(tool.name)),
  }),
  chunks,
  closing: 2,
  error: (status, message, { code }) => ({
    type: 'error',
    error: { type: code ?? ERROR_TYPES[status] ?? 'api_error', message },
  }),
  errorChunk: (message, code) =>
    named({ type: 'error', error: { type: code ?? 'api_error', message } } as { type: string }),
};

const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  529: 'overloaded_error',
};

function readMessage(message: Record<string, unknown>): UpstreamMessage[] {
  const content =
    typeof message.content === 'string' ? [{ type: 'text', text: message.content }] : records(message.content);
  const results = content.filter((part) => part.type === 'tool_result');
  const rest = content.filter((part) => part.type !== 'tool_result' && part.type !== 'tool_use');
  const toolCalls = content
    .filter((part) => part.type === 'tool_use')
    .map((part) => String((part as Record<string, unknown>).name));
  const list: UpstreamMessage[] = results.map((part) => ({
    role: 'tool',
    text: plainText(isRecord(part) ? part.content : undefined),
    toolCalls: [],
  }));
  if (rest.length > 0 || toolCalls.length > 0) {
    list.push({ role: message.role as UpstreamMessage['role'], text: plainText(rest), toolCalls });
  }
  return list;
}

function chunks(
  reply: UpstreamReply,
  { model }: Pick<UpstreamRequest, 'model'>,
  nextId: (prefix: string) => string,
): string[] {
  const event = (value: { readonly type: string; readonly [key: string]: unknown }) => named(value);
  const usage = (reply.usage === undefined ? defaultUsage : reply.usage) ?? { inputTokens: 0, outputTokens: 0 };
  const message = {
    id: nextId('msg'),
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
  };
  const list = [
    event({
      type: 'message_start',
      message: {
        ...message,
        usage: {
          input_tokens: usage.inputTokens - (usage.cachedTokens ?? 0),
          cache_read_input_tokens: usage.cachedTokens ?? 0,
          output_tokens: 1,
        },
      },
    }),
    event({ type: 'ping' }),
  ];
  let index = 0;
  const block = (start: unknown, deltas: readonly unknown[]) => {
    list.push(event({ type: 'content_block_start', index, content_block: start }));
    for (const delta of deltas) list.push(event({ type: 'content_block_delta', index, delta }));
    list.push(event({ type: 'content_block_stop', index }));
    index += 1;
  };
  if (reply.thinking) {
    block({ type: 'thinking', thinking: '' }, [
      ...reply.thinking.map((thinking) => ({ type: 'thinking_delta', thinking })),
      ...(reply.signature === undefined ? [] : [{ type: 'signature_delta', signature: reply.signature }]),
    ]);
  }
  if (reply.text)
    block(
      { type: 'text', text: '' },
      reply.text.map((text) => ({ type: 'text_delta', text })),
    );
  for (const call of reply.toolCalls ?? []) {
    const deltas = ['', ...pieces(JSON.stringify(call.input))].map((partial_json) => ({
      type: 'input_json_delta',
      partial_json,
    }));
    block({ type: 'tool_use', id: nextId('toolu'), name: call.name, input: {} }, deltas);
  }
  const reasons = { stop: 'end_turn', length: 'max_tokens', content_filter: 'refusal' } as const;
  const reason = reply.finish ? reasons[reply.finish] : reply.toolCalls?.length ? 'tool_use' : 'end_turn';
  const delta = { stop_reason: reason, stop_sequence: null };
  list.push(event({ type: 'message_delta', delta, usage: { output_tokens: usage.outputTokens } }));
  list.push(event({ type: 'message_stop' }));
  return list;
}
