import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { connect, isIP, type LookupFunction, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { ReeveError } from '@reeve/kit';
import type { Agent, Dispatcher } from 'undici';
import { isPublicAddress, isWithin } from './public-address.ts';

/** Finds all addresses of a host. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

export interface OutgoingOptions {
  /** What may be reached beyond the public Internet: nothing, everything, or these addresses and networks. */
  readonly allowPrivate: boolean | readonly string[];
  /** How hosts are found; by the system where it is left out. */
  readonly resolve?: Resolve;
  /** To one origin at a time; further requests wait for one of them. 10. */
  readonly connections?: number;
}

export interface OutgoingRequest {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
  /** Time for all of it, redirects and reading included; 10 s. */
  readonly timeoutMs?: number;
  /** Bytes that the answer's body may have; 1 MiB. */
  readonly maxBytes?: number;
  /** Answer the beginning of a body that has more, instead of failing; for `fetch`. */
  readonly cut?: boolean;
  /** Redirects that are followed; 5. With 0 a redirect is the answer. */
  readonly maxRedirects?: number;
  /** The only ports that may be asked; any where it is left out. */
  readonly ports?: readonly number[];
}

export interface OutgoingAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The body had more bytes than it may have, and was cut. */
  readonly truncated: boolean;
  /** Where the answer came from, after redirects. */
  readonly url: string;
}

/** An answer whose body comes as it is read. */
export interface OutgoingStream extends Omit<OutgoingAnswer, 'body' | 'truncated'> {
  /** To be read, or left by `return`: until then it holds its connection. Throws as `fetch` does. */
  readonly body: AsyncIterable<Buffer>;
}

/** Requests to addresses that users name. Disposing closes its connections. */
export interface Outgoing extends AsyncDisposable {
  /**
   * The address as it will be asked, for a look before one is stored. Throws `invalid_request` for what is no absolute
   * http or https URL, holds a name or a password, or names a port that may not be asked; `policy_denied` for an
   * address that is not public. A host's name is not resolved: what it means is looked at when it is asked.
   */
  check(url: string, ports?: readonly number[]): URL;
  /**
   * Asks, and reads the whole answer; what its status says is the caller's to judge. Each connection goes to an address
   * that was looked at, of one resolution, and each redirect is looked at anew. Throws as `check` does, `policy_denied`
   * also for a host that resolves to an address that is not public, `timeout`, `cancelled` where the signal aborts, and
   * `upstream_error` for everything else.
   */
  fetch(url: string, request?: OutgoingRequest): Promise<OutgoingAnswer>;
  /** As `fetch`, but answers once the answer's head is there. */
  open(url: string, request?: OutgoingRequest): Promise<OutgoingStream>;
  /** A bare connection to a host by name, looked at in the same way. Throws `policy_denied`, and `upstream_error` where there is none. */
  connect(host: string, port: number): Promise<Socket>;
}

const TIMEOUT_MS = 10_000;
const CONNECT_MS = 5_000;
const CONNECTIONS = 10;
const MAX_BYTES = 1024 * 1024;
const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** What goes along to another origin; everything else may be meant for the first one only. */
const HARMLESS: ReadonlySet<string> = new Set(['accept', 'accept-language', 'content-type', 'user-agent']);
/** What belongs to the connection and not to the caller. */
const OURS: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export function createOutgoing({
  allowPrivate,
  resolve = resolveBySystem,
  connections = CONNECTIONS,
}: OutgoingOptions): Outgoing {
  const mayReach = (address: string) =>
    allowPrivate === true ||
    isPublicAddress(address) ||
    (Array.isArray(allowPrivate) && isWithin(address, allowPrivate as readonly string[]));
  let agent: Promise<Agent> | undefined;
  // Loaded with the first request: a program that makes none starts sooner without.
  const openAgent = async () => {
    const { Agent: UndiciAgent } = await import('undici');
    return new UndiciAgent({
      connect: { timeout: CONNECT_MS, lookup },
      connections,
      pipelining: 1,
      keepAliveTimeout: 10_000,
      maxHeaderSize: 32 * 1024,
    });
  };
  const lookup = guardedLookup(resolve, mayReach);
  const check: Outgoing['check'] = (text, ports) => checkedUrl(text, ports, mayReach);
  const open: Outgoing['open'] = async (first, request = {}) => {
    const { timeoutMs = TIMEOUT_MS, maxRedirects = MAX_REDIRECTS, maxBytes = MAX_BYTES, ports } = request;
    const late = AbortSignal.timeout(timeoutMs);
    const signal = request.signal === undefined ? late : AbortSignal.any([late, request.signal]);
    let url = check(first, ports);
    let asked = withoutOurs(request);
    const dispatcher = (agent ??= openAgent());
    for (let redirects = 0; ; redirects++) {
      const { origin } = url;
      const fail = (error: unknown): never => {
        throw failureOf(error, url, request.signal, late, timeoutMs);
      };
      const { statusCode: status, headers, body } = await exchange(await dispatcher, url, asked, signal).catch(fail);
      const answer = { status, headers: plainHeaders(headers), url: url.href };
      const location = REDIRECTS.has(status) ? answer.headers['location'] : undefined;
      if (location === undefined || maxRedirects === 0) return { ...answer, body: bounded(body, maxBytes, url, fail) };
      await Array.fromAsync(bounded(body, MAX_BYTES, url, fail));
      if (redirects >= maxRedirects)
        throw new ReeveError('upstream_error', `${url.host} redirects more than ${maxRedirects} times`);
      const target = URL.parse(location, url);
      if (target === null) throw new ReeveError('upstream_error', `${url.host} redirected to an invalid URL`);
      const next = check(target.href, ports);
      asked = redirected(asked, status, next.origin !== origin);
      url = next;
    }
  };
  return {
    check,
    open,
    async connect(host, port) {
      if (isIP(host) !== 0 && !mayReach(host)) throw notPublic(host);
      return connectTo(host, port, lookup);
    },
    async fetch(url, request = {}) {
      const { maxBytes = MAX_BYTES, cut = false } = request;
      const { body, ...answer } = await open(url, cut ? { ...request, maxBytes: Infinity } : request);
      return { ...answer, ...(await collect(body, cut ? maxBytes : Infinity)) };
    },
    [Symbol.asyncDispose]: async () => (await agent)?.destroy(),
  };
}

function checkedUrl(text: string, ports: readonly number[] | undefined, mayReach: (address: string) => boolean): URL {
  const url = URL.parse(text);
  if (url === null) throw invalid('must be an absolute URL');
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw invalid('must begin with http:// or https://');
  if (url.username !== '' || url.password !== '') throw invalid('must hold no name and no password');
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  if (port === 0 || (ports !== undefined && !ports.includes(port)))
    throw invalid(`must use another port than ${port}${ports === undefined ? '' : `: ${ports.join(', ')}`}`);
  // WHATWG parsing has made 0x7f.1, 2130706433 and their like plain.
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) !== 0 && !mayReach(host)) throw notPublic(url.host);
  return url;
}

/**
 * Resolves once for each connection, and gives the connection only what was looked at, so that a name cannot change its
 * meaning in between. A host with even one address that may not be reached is refused.
 */
function guardedLookup(resolve: Resolve, mayReach: (address: string) => boolean): LookupFunction {
  return (hostname, options, done) => {
    resolve(hostname).then(
      (found) => {
        const [first] = found;
        if (first === undefined) return done(new Error(`${hostname} has no address`), []);
        if (!found.every(({ address }) => mayReach(address))) return done(notPublic(hostname), []);
        if (options.all) done(null, [...found]);
        else done(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => done(error, []),
    );
  };
}

const lookupAll = promisify(systemLookup);
const resolveBySystem: Resolve = (hostname) => lookupAll(hostname, { all: true });

function exchange(
  agent: Agent,
  url: URL,
  { method = 'GET', headers = {}, body }: OutgoingRequest,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  return agent.request({
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method,
    headers: { 'user-agent': 'reeve', ...headers, 'accept-encoding': 'identity' },
    ...(body !== undefined && { body: body as string | Buffer }),
    signal,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}

async function* bounded(
  body: Dispatcher.ResponseData['body'],
  maxBytes: number,
  url: URL,
  fail: (error: unknown) => never,
): AsyncGenerator<Buffer, void> {
  let total = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      total += chunk.length;
      if (total > maxBytes)
        throw new ReeveError('upstream_error', `${url.host} answers with more than ${maxBytes} bytes`);
      yield chunk;
    }
  } catch (error) {
    fail(error);
  }
}

/** The body, or its beginning where it has more than that. */
async function collect(
  body: AsyncIterable<Buffer>,
  maxBytes: number,
): Promise<Pick<OutgoingAnswer, 'body' | 'truncated'>> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    total += chunk.length;
    // Leaving the loop ends the connection.
    if (total > maxBytes) return { body: Buffer.concat(chunks).subarray(0, maxBytes), truncated: true };
  }
  return { body: Buffer.concat(chunks), truncated: false };
}

function connectTo(host: string, port: number, lookup: LookupFunction): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      socket.destroy();
      reject(failureOf(error, { host }, undefined, late, CONNECT_MS));
    };
    const late = AbortSignal.timeout(CONNECT_MS);
    late.addEventListener('abort', fail, { once: true });
    const socket = connect({ host, port, lookup, noDelay: true });
    socket.once('error', fail).once('connect', () => {
      late.removeEventListener('abort', fail);
      socket.off('error', fail);
      resolve(socket);
    });
  });
}

function plainHeaders(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  );
}

function withoutOurs(request: OutgoingRequest): OutgoingRequest {
  return { ...request, headers: pick(request.headers, (name) => !OURS.has(name)) };
}

/** As browsers do: what was no GET becomes one after 303, and a POST after 301 and 302. */
function redirected(request: OutgoingRequest, status: number, isElsewhere: boolean): OutgoingRequest {
  const { method = 'GET', body, ...rest } = request;
  const headers = isElsewhere ? pick(request.headers, (name) => HARMLESS.has(name)) : (request.headers ?? {});
  const becomesGet = status === 303 ? method !== 'HEAD' : method === 'POST' && (status === 301 || status === 302);
  if (becomesGet) return { ...rest, method: 'GET', headers: pick(headers, (name) => name !== 'content-type') };
  return { ...rest, method, headers, ...(body !== undefined && { body }) };
}

function pick(headers: OutgoingRequest['headers'], keep: (name: string) => boolean): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers ?? {})
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      .filter(([name]) => keep(name)),
  );
}

function failureOf(
  thrown: unknown,
  { host }: { readonly host: string },
  caller: AbortSignal | undefined,
  late: AbortSignal,
  timeoutMs: number,
): ReeveError {
  if (thrown instanceof ReeveError) return thrown;
  if (caller?.aborted) return new ReeveError('cancelled', `the request to ${host} was stopped`, { cause: thrown });
  if (late.aborted)
    return new ReeveError('timeout', `${host} did not answer within ${timeoutMs} ms`, { cause: thrown });
  const code = (thrown as { code?: unknown } | undefined)?.code;
  const why = typeof code === 'string' ? code : 'the connection failed';
  return new ReeveError('upstream_error', `${host} cannot be reached: ${why}`, { cause: thrown });
}

function invalid(message: string): ReeveError {
  return new ReeveError('invalid_request', `url ${message}`, { details: [{ path: 'url', message }] });
}

function notPublic(host: string): ReeveError {
  return new ReeveError(
    'policy_denied',
    `${host} is not on the public Internet; REEVE_ALLOW_PRIVATE_URLS names what else may be reached`,
  );
}
