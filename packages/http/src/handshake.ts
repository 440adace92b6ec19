import { ReeveError } from '@reeve/kit';
import type { Cors } from './cors.ts';

type Header = (name: string) => string | undefined;

/** The subprotocol that Reeve speaks. */
export const PROTOCOL = 'reeve';
const KEY = 'reeve.key.';

/**
 * Throws `forbidden` where a page of another origin asks: browsers open WebSockets to anywhere and send what they hold for
 * the place, so the page's origin must be the host that was asked, or one that may call.
 */
export function requireOwnOrigin(header: Header, cors: Cors): void {
  const origin = header('origin');
  if (origin === undefined || cors.allows(origin) || sameHost(origin, header('host') ?? '')) return;
  throw new ReeveError('forbidden', `pages of ${origin.slice(0, 200)} may not open a WebSocket here`);
}

/**
 * The headers of a request for a WebSocket. A page cannot set any, so it gives its key as the subprotocol
 * `reeve.key.<key>` beside `reeve`; it stands for `X-API-Key` where that is not given.
 */
export function headersWithKey(header: Header): Header {
  const offered = (header('sec-websocket-protocol') ?? '').split(',').map((name) => name.trim());
  const key = offered.find((name) => name.startsWith(KEY))?.slice(KEY.length);
  if (key === undefined) return header;
  if (!offered.includes(PROTOCOL))
    throw new ReeveError('invalid_request', `offer the subprotocol ${PROTOCOL} beside the one that holds the key`);
  return (name) => header(name) ?? (name === 'x-api-key' ? key : undefined);
}

function sameHost(origin: string, host: string): boolean {
  const from = URL.parse(origin);
  return from !== null && from.host !== '' && URL.parse(`${from.protocol}//${host}`)?.host === from.host;
}
