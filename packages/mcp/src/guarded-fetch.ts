import { ReadableStream } from 'node:stream/web';
import type { FetchLike } from '@modelcontextprotocol/client';
import type { Outgoing, OutgoingRequest } from '@reeve/http';

/** Bytes per response, streamed or not. */
const MAX_BYTES = 8 * 1024 * 1024;

/** Statuses without a body. */
const EMPTY: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * A `fetch` for the SDK that sends requests through the outgoing-request guard; each ends after `lifetimeMs` or with
 * `stopping`. The SDK follows redirects, within one origin. The optional GET stream for server messages is refused with
 * 405, as by a server that does not offer it.
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
