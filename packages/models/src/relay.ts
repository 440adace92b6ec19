import { APICallError } from '@ai-sdk/provider';
import { ReeveError } from '@reeve/kit';
import { Pool } from 'undici';
import type { AnswerPart, Ask } from './backend.ts';
import { createChatReading, type ChatReading } from './chat-answer.ts';
import { chatBody } from './chat-body.ts';
import { createChatEvents } from './chat-events.ts';
import type { ChatCall } from './model.ts';
import { openExchange, type Exchange } from './exchange.ts';
import type { Limits } from './limits.ts';
import { startPatience } from './patience.ts';
import type { RemoteConfig } from './remote.ts';

/** Makes one attempt of a `ChatCall`. Throws whatever went wrong, as the providers' packages do. */
export type Relay = (ask: Ask, chat: ChatCall, signal: AbortSignal) => AsyncGenerator<AnswerPart>;

/** Bytes up to which an error's body is read, and a whole answer. */
const ERROR_BYTES = 64 * 1024;
const ANSWER_BYTES = 64 * 1024 * 1024;

/**
 * The way to a provider that speaks OpenAI's Chat Completions, for callers who do: their request is handed on, and the
 * answer as it was written, read only for what the ledger, the retries and the timeouts need. One connection pool.
 */
export function openRelay(remote: RemoteConfig, limits: Limits): Relay {
  const { provider, apiKey } = remote;
  const url = new URL(`${remote.baseUrl.replace(/\/+$/, '')}/chat/completions`);
  // The patience of each call does the work of bodyTimeout with a limit that changes during the answer.
  const pool = new Pool(url.origin, { connect: { timeout: limits.connectMs }, bodyTimeout: 0, pipelining: 1 });
  const headers = {
    'content-type': 'application/json',
    ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
  };

  return async function* relay(ask, chat, signal) {
    const { model, request, onOutput } = ask;
    const stop = new AbortController();
    let isWhole = false;
    const leave = () => stop.abort(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    const patience = startPatience(provider, limits, (late) => stop.abort(late));
    const reading = createChatReading({
      onBlock: patience.onBlock,
      onOutput(characters) {
        patience.onOutput();
        onOutput(characters);
      },
    });
    try {
      const sent = {
        path: url.pathname + url.search,
        method: 'POST' as const,
        headers,
        body: chatBody(chat, { provider, model }, request.maxOutputTokens ?? 0),
        // A whole answer has its headers only when it is written.
        headersTimeout: chat.stream ? limits.headersMs : limits.firstTokenMs,
      };
      const exchange = await openExchange(pool, sent, patience.onByte, stop.signal);
      patience.onHeaders();
      if (exchange.status !== 200) throw await errorOf(exchange, url.href);
      const rest = chat.stream
        ? yield* relayEvents(exchange, reading, chat.withUsage)
        : await readWhole(exchange, reading);
      isWhole = true;
      yield {
        type: 'finish',
        reason: reading.reason(),
        usage: reading.usage(ask.estimate),
        rest: { bytes: rest, answers: reading.answers() },
      };
    } finally {
      patience.stop();
      signal.removeEventListener('abort', leave);
      if (!isWhole) stop.abort();
    }
  };
}

async function* relayEvents(
  exchange: Exchange,
  reading: ChatReading,
  withUsage: boolean,
): AsyncGenerator<AnswerPart, Uint8Array> {
  const events = createChatEvents(reading, withUsage);
  for await (const piece of exchange.body()) {
    const bytes = events.take(piece);
    if (bytes !== undefined) yield { type: 'relayed', bytes, answers: reading.answers() };
  }
  return events.rest();
}

async function readWhole(exchange: Exchange, reading: ChatReading): Promise<Uint8Array> {
  const bytes = await readUpTo(exchange, ANSWER_BYTES);
  if (bytes.length > ANSWER_BYTES)
    throw new ReeveError('malformed_answer', `the provider’s answer is larger than ${ANSWER_BYTES} bytes`);
  reading.read(bytes.toString());
  return bytes;
}

/** What the provider said instead of an answer. */
async function errorOf(exchange: Exchange, url: string): Promise<APICallError> {
  const responseBody = (await readUpTo(exchange, ERROR_BYTES)).toString();
  const { status: statusCode, headers } = exchange;
  const responseHeaders = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  const data = jsonOf(responseBody);
  const message = wordsOf(data) ?? responseBody.slice(0, 1_000);
  // The request is left out: it must not reach a log.
  return new APICallError({ message, url, requestBodyValues: {}, statusCode, responseHeaders, responseBody, data });
}

/** The body, or somewhat more of it than the limit. */
async function readUpTo(exchange: Exchange, limit: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of exchange.body()) {
    pieces.push(piece);
    size += piece.length;
    if (size > limit) break;
  }
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** `{"error": {"message"}}` as OpenAI has it, and the simpler forms of others. */
function wordsOf(data: unknown): string | undefined {
  if (typeof data === 'string') return data;
  if (typeof data !== 'object' || data === null) return undefined;
  const { error, message, detail } = data as Record<string, unknown>;
  return wordsOf(error) ?? [message, detail].find((words) => typeof words === 'string');
}
