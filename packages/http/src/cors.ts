import { ReeveError } from '@reeve/kit';

type Header = (name: string) => string | undefined;

/**
 * Pages of which other origins may call and read. Credentials are headers here, never cookies, so browsers are not told to
 * send any along (`Access-Control-Allow-Credentials`), whoever asks.
 */
export interface Cors {
  /** True where pages of this origin may. */
  allows(origin: string): boolean;
  /** What goes on an answer to this request, errors included. */
  headersFor(header: Header): Readonly<Record<string, string>>;
  /** What goes on the answer to a browser that asks before it sends; undefined where nobody asks, or pages of this origin may not. */
  preflight(header: Header, methods: readonly string[]): Readonly<Record<string, string>> | undefined;
}

const EXPOSED = [
  'idempotent-replayed',
  'ratelimit-limit',
  'ratelimit-policy',
  'ratelimit-remaining',
  'ratelimit-reset',
  'retry-after',
  'x-request-id',
  'x-trace-id',
  'x-vercel-ai-ui-message-stream',
].join(', ');
const PREFLIGHT_S = '600';
const HEADER_NAMES = /^[a-z0-9-]{1,64}(\s*,\s*[a-z0-9-]{1,64}){0,63}$/i;

/** `origins`: as browsers write them (`https://app.example`), or `*` for all. */
export function createCors(origins: readonly string[]): Cors {
  const known = new Set(origins);
  const isForAll = known.has('*');
  const allows = (origin: string) => isForAll || known.has(origin);
  const varied = known.size === 0 || isForAll ? {} : { vary: 'Origin' };
  const headersFor: Cors['headersFor'] = (header) => {
    if (known.size === 0) return {};
    const origin = header('origin');
    if (origin === undefined || !allows(origin)) return varied;
    return {
      ...varied,
      'access-control-allow-origin': isForAll ? '*' : origin,
      'access-control-expose-headers': EXPOSED,
    };
  };
  return {
    allows,
    headersFor,
    preflight(header, methods) {
      const origin = header('origin');
      if (origin === undefined || header('access-control-request-method') === undefined || !allows(origin))
        return undefined;
      const asked = header('access-control-request-headers') ?? '';
      return {
        'access-control-allow-methods': methods.join(', '),
        ...(HEADER_NAMES.test(asked) && { 'access-control-allow-headers': asked.toLowerCase() }),
        'access-control-max-age': PREFLIGHT_S,
      };
    },
  };
}

/**
 * Throws `forbidden` where a page of another origin asks for a change in the name of a caller who shows no credential: the
 * browser would send it, and nothing tells it from the caller's own wish. A proxy may have changed the host, so what the
 * browser says itself (`Sec-Fetch-Site`) goes before a comparison.
 */
export function requireOwnPage(header: Header, cors: Cors): void {
  const origin = header('origin');
  if (origin !== undefined && cors.allows(origin)) return;
  const site = header('sec-fetch-site');
  if (site === 'same-origin' || site === 'none') return;
  if (site === undefined && (origin === undefined || URL.parse(origin)?.host === header('host'))) return;
  const page = origin === undefined ? 'another site' : origin.slice(0, 200);
  throw new ReeveError(
    'forbidden',
    `pages of ${page} may change nothing here; REEVE_CORS_ORIGINS names those that may`,
  );
}
