import { ReadableStream } from 'node:stream/web';
import type { FetchLike } from '@modelcontextprotocol/client';
import type { Outgoing, OutgoingRequest } from '@reeve/http';

/** The bytes of one answer, however many results it streams. */
const MAX_BYTES = 8 * 1024 * 1024;

/** Statuses whose answer has no body. */
const EMPTY: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * The SDK's requests by way of the guard of outgoing ones; each ends after `lifetimeMs`, and with `stopping`. Redirects are the SDK's to follow,
 * within an origin. A stream that only waits for what the server may have to say is refused, as a server without one does.
 */
export function guardedFetch(outgoing: Pick<Outgoing, 'open'>, lifetimeMs: number, stopping: AbortSignal): FetchLike {
  return async (url, { method = 'GET', headers: given, body: sent, signal } = {}) => {
    const headers = Object.fromEntries(new Headers(given));
    if (method === 'GET' && headers['last-event-id'] === undefined) return new Response(null, { status: 405 });
    const answer = await outgoing.open(String(url), {
      method: method as NonNullable<OutgoingRequest['method']>,
      headers,
      ...(typeof sent === 'string' && { body: sent }),
      signal: signal ? AbortSignal.any([signal, stopping]) : stopping,
      timeoutMs: lifetimeMs,
      maxBytes: MAX_BYTES,
      maxRedirects: 0,
    });
    const { status } = answer;
    if (EMPTY.has(status)) await Array.fromAsync(answer.body);
    const body = EMPTY.has(status) ? null : (ReadableStream.from(answer.body) as BodyInit);
    return new Response(body, { status, headers: answer.headers });
  };
}
