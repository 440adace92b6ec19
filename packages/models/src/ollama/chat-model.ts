import {
  InvalidResponseDataError,
  JSONParseError,
  type LanguageModelV4FinishReason,
  type LanguageModelV4StreamPart,
} from '@ai-sdk/provider';
import { createJsonErrorResponseHandler, postJsonToApi } from '@ai-sdk/provider-utils';
import { newId } from '@reeve/kit';
import { z } from 'zod';
import type { StreamingModel } from '../providers/streaming-model.ts';
import type { RemoteConfig } from '../targets.ts';
import { chatRequest, type OllamaSettings } from './chat-request.ts';

/*
 * Ollama by its own API: `POST /api/chat`, which answers one JSON object a line. Its `/v1` ignores how much context a model is to have
 * and how long it stays loaded.
 */

const Chunk = z.object({
  error: z.string().optional(),
  message: z
    .object({
      content: z.string().optional(),
      thinking: z.string().optional(),
      tool_calls: z
        .array(
          z.object({ id: z.string().optional(), function: z.object({ name: z.string(), arguments: z.unknown() }) }),
        )
        .optional(),
    })
    .optional(),
  done: z.boolean().optional(),
  done_reason: z.string().optional(),
  prompt_eval_count: z.number().optional(),
  eval_count: z.number().optional(),
});
type Chunk = z.infer<typeof Chunk>;

const failed = createJsonErrorResponseHandler({
  errorSchema: z.object({ error: z.string() }),
  errorToMessage: ({ error }) => error,
});

/** A model of an Ollama server; its answer streams as the AI SDK's parts. */
export function createOllamaModel(
  { baseUrl, apiKey }: Pick<RemoteConfig, 'baseUrl' | 'apiKey'>,
  model: string,
  fetch: typeof globalThis.fetch,
  settings: OllamaSettings,
): StreamingModel {
  return {
    async doStream(options) {
      const { value: body } = await postJsonToApi({
        url: `${baseUrl}/api/chat`,
        headers: { ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }) },
        body: chatRequest(model, options, settings),
        failedResponseHandler: failed,
        successfulResponseHandler: async ({ response }) => ({ value: response.body! }),
        fetch,
        ...(options.abortSignal && { abortSignal: options.abortSignal }),
      });
      return { stream: readParts(linesOf(body)) };
    },
  };
}

/** The lines of a body that are not empty. */
async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const bytes of body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop()!;
    for (const line of lines) if (line.trim() !== '') yield line;
  }
  if (rest.trim() !== '') yield rest;
}

/** Reads the answer. Throws the error that a line reports, on lines that cannot be read, and where the last one is missing. */
async function* readParts(lines: AsyncIterable<string>): AsyncGenerator<LanguageModelV4StreamPart> {
  let block: 'text' | 'reasoning' | undefined;
  const begin = function* (next: typeof block): Generator<LanguageModelV4StreamPart> {
    if (next === block) return;
    if (block !== undefined) yield { type: `${block}-end`, id: block };
    block = next;
    if (next !== undefined) yield { type: `${next}-start`, id: next };
  };
  for await (const line of lines) {
    const chunk = parse(line);
    if (chunk.error !== undefined) throw new Error(chunk.error);
    const { thinking = '', content = '', tool_calls: calls = [] } = chunk.message ?? {};
    if (thinking !== '') {
      yield* begin('reasoning');
      yield { type: 'reasoning-delta', id: 'reasoning', delta: thinking };
    }
    if (content !== '') {
      yield* begin('text');
      yield { type: 'text-delta', id: 'text', delta: content };
    }
    for (const { id, function: called } of calls) {
      yield* begin(undefined);
      yield* toolCall(id ?? `call_${newId()}`, called.name, JSON.stringify(called.arguments ?? {}));
    }
    if (chunk.done === true) {
      yield* begin(undefined);
      yield finishOf(chunk);
      return;
    }
  }
  throw new InvalidResponseDataError({ data: undefined, message: 'the answer ended before it was finished' });
}

function* toolCall(id: string, toolName: string, input: string): Generator<LanguageModelV4StreamPart> {
  yield { type: 'tool-input-start', id, toolName };
  yield { type: 'tool-input-delta', id, delta: input };
  yield { type: 'tool-input-end', id };
  yield { type: 'tool-call', toolCallId: id, toolName, input };
}

function finishOf({
  done_reason: raw,
  prompt_eval_count: read,
  eval_count: written,
}: Chunk): LanguageModelV4StreamPart {
  const unified: LanguageModelV4FinishReason['unified'] = raw === 'stop' || raw === 'length' ? raw : 'other';
  return {
    type: 'finish',
    finishReason: { unified, raw },
    usage: {
      inputTokens: { total: read, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
      outputTokens: { total: written, text: undefined, reasoning: undefined },
    },
  };
}

function parse(line: string): Chunk {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new JSONParseError({ text: '', cause });
  }
  const { data } = Chunk.safeParse(value);
  if (data === undefined)
    throw new InvalidResponseDataError({ data: undefined, message: 'it is no part of an answer' });
  return data;
}
