import type { ServerResponse } from 'node:http';
import type { Route } from '@reeve/contract';
import type { Log } from '@reeve/kit';
import { ByteStream, encodeBytes, writeBytes } from './bytes.ts';
import { encodeEvents, EventStream, writeEvents } from './sse.ts';

/** An answer with a status, a type or headers of its own. Bytes as a body are JSON that is written already. */
export class Reply {
  readonly status: number;
  readonly body: unknown;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    body: unknown,
    contentType = 'application/json',
    headers: Readonly<Record<string, string>> = {},
  ) {
    this.status = status;
    this.body = body;
    this.contentType = contentType;
    this.headers = headers;
  }

  /** The body as a value, for what keeps it. */
  value(): unknown {
    return this.body instanceof Uint8Array ? (JSON.parse(Buffer.from(this.body).toString()) as unknown) : this.body;
  }
}

/** What a request is answered with, before it is written. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | EventStream | ByteStream | null;
}

/** What a handler made, as an answer. */
export function answerOf(route: Pick<Route, 'produces' | 'responses'>, made: unknown): Answer {
  if (made instanceof EventStream) {
    const headers = {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      ...made.headers,
    };
    return { status: 200, headers, body: made };
  }
  const reply = made instanceof Reply ? made : new Reply(firstStatus(route), made, route.produces);
  if (reply.status === 204) return { status: 204, headers: reply.headers, body: null };
  const headers = { 'content-type': reply.contentType, 'x-content-type-options': 'nosniff', ...reply.headers };
  return { status: reply.status, headers, body: bodyOf(reply) };
}

/** The status of what a handler returns plainly. */
export function firstStatus({ responses }: Pick<Route, 'responses'>): number {
  return Number(Object.keys(responses)[0] ?? 200);
}

/** What writing needs to know. */
export interface WriteOptions {
  readonly stopping: AbortSignal;
  readonly log: Log;
}

/** The answer as a response of the web, for who asked in process. */
export function toResponse({ status, headers, body }: Answer, { stopping, log }: WriteOptions): Response {
  const sent =
    body instanceof EventStream
      ? encodeEvents(body, stopping, log)
      : body instanceof ByteStream
        ? encodeBytes(body, stopping)
        : body;
  return new Response(sent as BodyInit | null, { status, headers });
}

/** Writes the answer to a connection: several times cheaper than a response of the web. Resolves when all is written. */
export async function writeAnswer(
  outgoing: ServerResponse,
  { status, headers, body }: Answer,
  { stopping, log }: WriteOptions,
): Promise<void> {
  if (body instanceof EventStream) {
    outgoing.writeHead(status, headers);
    return writeEvents(outgoing, body, stopping, log);
  }
  if (body instanceof ByteStream) {
    outgoing.writeHead(status, headers);
    return writeBytes(outgoing, body, stopping, log);
  }
  if (body === null) outgoing.writeHead(status, headers);
  else outgoing.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  outgoing.end(body ?? undefined);
}

function bodyOf({ contentType, body }: Reply): string | Uint8Array | ByteStream {
  if (body instanceof Uint8Array || body instanceof ByteStream) return body;
  return contentType === 'application/json' ? JSON.stringify(body) : String(body);
}
