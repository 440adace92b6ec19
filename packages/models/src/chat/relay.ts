import { APICallError } from '@ai-sdk/provider';
import { ReeveError } from '@reeve/kit';
import { Pool } from 'undici';
import type { AnswerPart, BackendRequest } from '../backend.ts';
import { createAnswerReader, type AnswerReader } from './read-answer.ts';
import { chatBody } from './request-body.ts';
import { createChatEvents } from './events.ts';
import type { ChatCall } from '../model.ts';
import { openExchange, type Exchange } from './exchange.ts';
import type { ProviderTimeouts } from '../providers/timeouts.ts';
import { startAnswerTimeouts } from '../providers/answer-timeouts.ts';
import type { RemoteConfig } from '../targets.ts';

/** Makes one attempt at a `ChatCall`. Throws errors in the form of the providers' packages. */
export type Relay = (sent: BackendRequest, chat: ChatCall, signal: AbortSignal) => AsyncGenerator<AnswerPart>;

/** Maximum bytes read of an error body and of an unstreamed answer. */
const ERROR_BYTES = 64 * 1024;
const ANSWER_BYTES = 64 * 1024 * 1024;

/**
 * Relays chat completions to a provider that takes them: passes on the client's request and the provider's bytes, and
 * reads from them only what ledger, retries and timeouts need. One connection pool.
 */
export function openRelay(remote: RemoteConfig, timeouts: ProviderTimeouts): Relay {
  const { provider, apiKey } = remote;
  const url = new URL(`${remote.baseUrl.replace(/\/+$/, '')}/chat/completions`);
  // bodyTimeout is off: each call's answer timeouts replace it, with a limit that changes during the answer.
  const pool = new Pool(url.origin, { connect: { timeout: timeouts.connectMs }, bodyTimeout: 0, pipelining: 1 });
  const headers = {
    'content-type': 'application/json',
    ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
  };

  return async function* relay(sent, chat, signal) {
    const { model, request, onOutput } = sent;
    const stop = new AbortController();
    let isWhole = false;
    const abort = () => stop.abort(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    const running = startAnswerTimeouts(provider, timeouts, (error) => stop.abort(error));
    const reader = createAnswerReader({
      onBlock: running.onBlock,
      onOutput(characters) {
        running.onOutput();
        onOutput(characters);
      },
    });
    try {
      const httpRequest = {
        path: url.pathname + url.search,
        method: 'POST' as const,
        headers,
        body: chatBody(chat, { provider, model }, request.maxOutputTokens ?? 0),
        // An unstreamed answer's headers arrive only once it is complete.
        headersTimeout: chat.stream ? timeouts.headersMs : timeouts.firstTokenMs,
      };
      const exchange = await openExchange(pool, httpRequest, running.onByte, stop.signal);
      running.onHeaders();
      if (exchange.status !== 200) throw await errorOf(exchange, url.href);
      const rest = chat.stream
        ? yield* relayEvents(exchange, reader, chat.withUsage)
        : await readWhole(exchange, reader);
      isWhole = true;
      yield {
        type: 'finish',
        reason: reader.reason(),
        usage: reader.usage(sent.estimate),
        remainder: { bytes: rest, answers: reader.answers() },
      };
    } finally {
      running.stop();
      signal.removeEventListener('abort', abort);
      if (!isWhole) stop.abort();
    }
  };
}

async function* relayEvents(
  exchange: Exchange,
  reader: AnswerReader,
  withUsage: boolean,
): AsyncGenerator<AnswerPart, Uint8Array> {
  const events = createChatEvents(reader, withUsage);
  for await (const piece of exchange.body()) {
    const bytes = events.take(piece);
    if (bytes !== undefined) yield { type: 'relayed', bytes, answers: reader.answers() };
  }
  return events.remaining();
}

async function readWhole(exchange: Exchange, reader: AnswerReader): Promise<Uint8Array> {
  const bytes = await readUpTo(exchange, ANSWER_BYTES);
  if (bytes.length > ANSWER_BYTES)
    throw new ReeveError('malformed_answer', `the provider’s answer is larger than ${ANSWER_BYTES} bytes`);
  reader.read(bytes.toString());
  return bytes;
}

/** The provider's error response as an API error. */
async function errorOf(exchange: Exchange, url: string): Promise<APICallError> {
  const responseBody = (await readUpTo(exchange, ERROR_BYTES)).toString();
  const { status: statusCode, headers } = exchange;
  const responseHeaders = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  const data = jsonOf(responseBody);
  const message = messageOf(data) ?? responseBody.slice(0, 1_000);
  // The request is left out: it must not reach a log.
  return new APICallError({ message, url, requestBodyValues: {}, statusCode, responseHeaders, responseBody, data });
}

/** Reads the body until it exceeds the limit. */
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

/** Finds the message in `{"error": {"message"}}`, OpenAI's form, and in the simpler forms of other servers. */
function messageOf(data: unknown): string | undefined {
  if (typeof data === 'string') return data;
  if (typeof data !== 'object' || data === null) return undefined;
  const { error, message, detail } = data as Record<string, unknown>;
  return messageOf(error) ?? [message, detail].find((text) => typeof text === 'string');
}
