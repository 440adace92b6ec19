import { isRecord } from '@reeve/kit';
import { defaultUsage, type Protocol, type UpstreamReply, type UpstreamRequest } from './reply.ts';
import { plainText, records } from './text.ts';

/** Ollama's own API, `/api/chat`: one JSON object a line. A tool call comes whole. */
export const ollama: Protocol = {
  name: 'ollama',
  matches: (path) => path.endsWith('/api/chat'),
  read: (_path, body) => ({
    model: String(body.model),
    messages: records(body.messages).map((message) => ({
      role: message.role as 'user',
      text: plainText(message.content),
      toolCalls: records(message.tool_calls).map((call) => (isRecord(call.function) ? String(call.function.name) : '')),
    })),
    tools: records(body.tools).map((tool) => (isRecord(tool.function) ? String(tool.function.name) : '')),
  }),
  chunks,
  closing: 1,
  error: (_status, message) => ({ error: message }),
  errorChunk: (message) => line({ error: message }),
};

const line = (value: unknown) => `${JSON.stringify(value)}\n`;

function chunks(
  { thinking = [], text = [], toolCalls = [], finish = 'stop', usage = defaultUsage }: UpstreamReply,
  { model }: Pick<UpstreamRequest, 'model'>,
  nextId: (prefix: string) => string,
): string[] {
  const part = (message: object, more: object = { done: false }) =>
    line({
      model,
      created_at: '2026-11-20T10:00:00.000Z',
      message: { role: 'assistant', content: '', ...message },
      ...more,
    });
  return [
    ...thinking.map((delta) => part({ thinking: delta })),
    ...text.map((delta) => part({ content: delta })),
    ...toolCalls.map(({ name, input }) =>
      part({ tool_calls: [{ id: nextId('call'), function: { index: 0, name, arguments: input } }] }),
    ),
    part(
      {},
      {
        done: true,
        done_reason: finish,
        ...(usage !== null && { prompt_eval_count: usage.inputTokens, eval_count: usage.outputTokens }),
      },
    ),
  ];
}
