import {
  defaultUsage,
  type Protocol,
  type UpstreamMessage,
  type UpstreamReply,
  type UpstreamRequest,
} from './reply.ts';
import { isRecord } from '@reeve/kit';
import { data, records } from './text.ts';

/** Gemini's `streamGenerateContent?alt=sse`. */
export const gemini: Protocol = {
  name: 'gemini',
  matches: (path) => path.includes(':streamGenerateContent'),
  read: (path, body) => ({
    model: /models\/([^:]+):/.exec(path)?.[1] ?? '',
    messages: [
      ...(isRecord(body.systemInstruction) ? readContent({ ...body.systemInstruction, role: 'system' }) : []),
      ...records(body.contents).flatMap(readContent),
    ],
    tools: records(body.tools).flatMap((tool) => records(tool.functionDeclarations).map((one) => String(one.name))),
  }),
  chunks,
  closing: 1,
  error: (status, message, { code, details }) => ({
    error: {
      code: status,
      message,
      status: code ?? ERROR_STATUSES[status] ?? 'INTERNAL',
      ...(details && { details }),
    },
  }),
  errorChunk: (message, code) =>
    data({ error: { code: code === 'UNAVAILABLE' ? 503 : 500, message, status: code ?? 'INTERNAL' } }),
};

const ERROR_STATUSES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
  503: 'UNAVAILABLE',
};

function readContent(content: Record<string, unknown>): UpstreamMessage[] {
  const parts = records(content.parts);
  const list: UpstreamMessage[] = parts
    .map((part) => part.functionResponse)
    .filter(isRecord)
    .map((result) => ({ role: 'tool', text: JSON.stringify(result.response), toolCalls: [] }));
  const toolCalls = parts
    .map((part) => part.functionCall)
    .filter(isRecord)
    .map((call) => String(call.name));
  const text = parts.map((part) => (typeof part.text === 'string' ? part.text : '')).join('');
  const role = content.role === 'model' ? 'assistant' : content.role === 'system' ? 'system' : 'user';
  if (text !== '' || toolCalls.length > 0) list.push({ role, text, toolCalls });
  return list;
}

function chunks(
  reply: UpstreamReply,
  { model }: Pick<UpstreamRequest, 'model'>,
  nextId: (prefix: string) => string,
): string[] {
  const base = { modelVersion: model, responseId: nextId('gemini') };
  const usage = reply.usage === undefined ? defaultUsage : reply.usage;
  const counts = usage && {
    usageMetadata: {
      promptTokenCount: usage.inputTokens,
      candidatesTokenCount: usage.outputTokens - (usage.reasoningTokens ?? 0),
      totalTokenCount: usage.inputTokens + usage.outputTokens,
      cachedContentTokenCount: usage.cachedTokens ?? 0,
      thoughtsTokenCount: usage.reasoningTokens ?? 0,
    },
  };
  const part = (value: unknown) =>
    data({ ...base, candidates: [{ index: 0, content: { role: 'model', parts: [value] } }] });
  const list: string[] = [];
  for (const text of reply.thinking ?? []) list.push(part({ text, thought: true }));
  // Gemini signs the first of its tool calls, and an answer without any at its end.
  const signed = (here: boolean) =>
    here && reply.signature !== undefined ? { thoughtSignature: reply.signature } : {};
  for (const text of reply.text ?? []) list.push(part({ text }));
  for (const [index, call] of (reply.toolCalls ?? []).entries())
    list.push(part({ functionCall: { name: call.name, args: call.input }, ...signed(index === 0) }));
  if (reply.finish === 'content_filter' && list.length === 0) {
    return [data({ ...base, promptFeedback: { blockReason: 'SAFETY' }, ...counts })];
  }
  const reasons = { stop: 'STOP', length: 'MAX_TOKENS', content_filter: 'SAFETY' } as const;
  const last = {
    index: 0,
    content: { role: 'model', parts: [{ text: '', ...signed(!reply.toolCalls?.length) }] },
    finishReason: reasons[reply.finish ?? 'stop'],
  };
  list.push(data({ ...base, candidates: [last], ...counts }));
  return list;
}
