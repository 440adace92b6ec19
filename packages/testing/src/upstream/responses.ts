import {
  defaultUsage,
  type Protocol,
  type UpstreamMessage,
  type UpstreamReply,
  type UpstreamRequest,
} from './reply.ts';
import { named, pieces, plainText, records } from './text.ts';

/** OpenAI's Responses, streaming. */
export const responses: Protocol = {
  name: 'responses',
  matches: (path) => path.endsWith('/responses'),
  read: (_path, body) => ({
    model: String(body.model),
    messages: records(body.input).map(readItem),
    tools: records(body.tools).map((tool) => String(tool.name)),
  }),
  chunks,
  closing: 1,
  error: (_status, message, { code }) => ({ error: { message, type: 'fake_error', param: null, code: code ?? null } }),
  errorChunk: (message, code = 'server_error') =>
    named({ type: 'error', sequence_number: 99, code, message, param: null } as { type: string }),
};

function readItem(item: Record<string, unknown>): UpstreamMessage {
  if (item.type === 'function_call') return { role: 'assistant', text: '', toolCalls: [String(item.name)] };
  if (item.type === 'function_call_output') return { role: 'tool', text: plainText(item.output), toolCalls: [] };
  const role = item.role === 'developer' ? 'system' : (item.role as UpstreamMessage['role']);
  return { role, text: plainText(item.content), toolCalls: [] };
}

function chunks(
  reply: UpstreamReply,
  { model }: Pick<UpstreamRequest, 'model'>,
  nextId: (prefix: string) => string,
): string[] {
  let sequence = 0;
  const event = (value: { readonly type: string; readonly [key: string]: unknown }) =>
    named({ ...value, sequence_number: sequence++ } as { type: string });
  const response = {
    id: nextId('resp'),
    object: 'response',
    created_at: 1_700_000_000,
    status: 'in_progress',
    model,
    output: [],
  };
  const list = [event({ type: 'response.created', response }), event({ type: 'response.in_progress', response })];
  let index = 0;
  if (reply.signature !== undefined) {
    const item = { id: nextId('rs'), type: 'reasoning', summary: [], encrypted_content: reply.signature };
    list.push(event({ type: 'response.output_item.added', output_index: index, item }));
    list.push(event({ type: 'response.output_item.done', output_index: index, item }));
    index += 1;
  }
  if (reply.text !== undefined) {
    const item = { id: nextId('msg'), type: 'message', role: 'assistant', status: 'in_progress', content: [] };
    const place = { item_id: item.id, output_index: index, content_index: 0 };
    const text = reply.text.join('');
    list.push(event({ type: 'response.output_item.added', output_index: index, item }));
    list.push(
      event({
        type: 'response.content_part.added',
        ...place,
        part: { type: 'output_text', text: '', annotations: [] },
      }),
    );
    for (const delta of reply.text) list.push(event({ type: 'response.output_text.delta', ...place, delta }));
    list.push(event({ type: 'response.output_text.done', ...place, text }));
    const content = [{ type: 'output_text', text, annotations: [] }];
    list.push(
      event({
        type: 'response.output_item.done',
        output_index: index,
        item: { ...item, status: 'completed', content },
      }),
    );
    index += 1;
  }
  for (const call of reply.toolCalls ?? []) {
    const item = {
      id: nextId('fc'),
      type: 'function_call',
      status: 'in_progress',
      call_id: nextId('call'),
      name: call.name,
      arguments: '',
    };
    const input = JSON.stringify(call.input);
    list.push(event({ type: 'response.output_item.added', output_index: index, item }));
    for (const delta of pieces(input))
      list.push(
        event({ type: 'response.function_call_arguments.delta', item_id: item.id, output_index: index, delta }),
      );
    list.push(
      event({ type: 'response.function_call_arguments.done', item_id: item.id, output_index: index, arguments: input }),
    );
    list.push(
      event({
        type: 'response.output_item.done',
        output_index: index,
        item: { ...item, status: 'completed', arguments: input },
      }),
    );
    index += 1;
  }
  const usage = reply.usage === undefined ? defaultUsage : reply.usage;
  const incomplete =
    reply.finish === 'length' ? 'max_output_tokens' : reply.finish === 'content_filter' ? 'content_filter' : null;
  list.push(
    event({
      type: incomplete === null ? 'response.completed' : 'response.incomplete',
      response: {
        ...response,
        status: incomplete === null ? 'completed' : 'incomplete',
        incomplete_details: incomplete === null ? null : { reason: incomplete },
        usage: usage && {
          input_tokens: usage.inputTokens,
          input_tokens_details: { cached_tokens: usage.cachedTokens ?? 0 },
          output_tokens: usage.outputTokens,
          output_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
          total_tokens: usage.inputTokens + usage.outputTokens,
        },
      },
    }),
  );
  return list;
}
