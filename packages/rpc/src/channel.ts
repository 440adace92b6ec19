import { randomBytes } from 'node:crypto';
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { createRouterTransport, type Interceptor, type Transport } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { currentContext, ReeveError } from '@reeve/kit';
import type { AdmitOptions } from './admit.ts';
import { callOptions, MESSAGE_LIMIT, type RpcService } from './server.ts';
import type { Tls } from './tls.ts';

/** The way to the services of a role. Calls carry the request they are made in; what they fail with is read by `fromConnectError`. */
export interface Channel extends AsyncDisposable {
  /** `host:port`, or where else they are. */
  readonly target: string;
  readonly transport: Transport;
}

export interface ChannelOptions {
  /** `host:port`. */
  readonly target: string;
  readonly tls: Tls | undefined;
  /** What this process proves itself by where there is no TLS. */
  readonly internalSecret: string | undefined;
}

const CONNECT_MS = 5_000;
const PING_MS = 10_000;
const PING_PATIENCE_MS = 5_000;
const IDLE_MS = 15 * 60_000;

/**
 * A channel to another process. It connects when it is needed and again after it was lost; nothing is sent twice. A call throws
 * `unavailable` at once where there is nobody, and within seconds where the other side is gone without a word.
 */
export function openChannel({ target, tls, internalSecret }: ChannelOptions): Channel {
  const baseUrl = `${tls === undefined ? 'http' : 'https'}://${target}`;
  const nodeOptions = tls && { ca: tls.ca, cert: tls.client.cert, key: tls.client.key, minVersion: 'TLSv1.2' as const };
  const sessionManager = new LastingSessions(
    baseUrl,
    { pingIntervalMs: PING_MS, pingTimeoutMs: PING_PATIENCE_MS, idleConnectionTimeoutMs: IDLE_MS },
    nodeOptions,
  );
  const credentials: Readonly<Record<string, string>> =
    internalSecret === undefined || tls !== undefined
      ? {}
      : { 'x-internal-service': 'true', 'x-internal-service-secret': internalSecret };
  const connected: Interceptor = (next) => async (request) => {
    await reach(sessionManager, target);
    return next(request);
  };
  return {
    target,
    transport: createGrpcTransport({
      baseUrl,
      sessionManager,
      interceptors: [carrying(credentials), connected],
      readMaxBytes: MESSAGE_LIMIT,
      writeMaxBytes: MESSAGE_LIMIT,
    }),
    async [Symbol.asyncDispose]() {
      sessionManager.abort();
    },
  };
}

/** A channel to services in this process: the same calls, through the same checks, without a network. */
export function openLocalChannel(services: readonly RpcService[], options: AdmitOptions): Channel {
  const transport = createRouterTransport(
    (router) => {
      for (const { routes } of services) routes(router);
    },
    { router: callOptions(options), transport: { interceptors: [carrying({})] } },
  );
  return { target: 'this process', transport, async [Symbol.asyncDispose]() {} };
}

/** Sends the ids of the request that a call is made in, and credentials. */
function carrying(credentials: Readonly<Record<string, string>>): Interceptor {
  return (next) => (request) => {
    const context = currentContext();
    const ids = context && {
      'x-request-id': context.requestId,
      'x-trace-id': context.traceId,
      ...(W3C_TRACE.test(context.traceId) && {
        traceparent: `00-${context.traceId}-${randomBytes(8).toString('hex')}-01`,
      }),
      ...(context.tenantId !== undefined && !request.header.has('x-tenant-id') && { 'x-tenant-id': context.tenantId }),
    };
    for (const [name, value] of Object.entries({ ...ids, ...credentials })) request.header.set(name, value);
    return next(request);
  };
}

const W3C_TRACE = /^(?!0{32})[0-9a-f]{32}$/;

/**
 * Sessions whose end is never an uncaught error: a manager listens to the session that it has, and a session that it has just
 * given up for a new one may tell of its error after that.
 */
class LastingSessions extends Http2SessionManager {
  readonly #heard = new WeakSet<ClientHttp2Session>();

  override async request(...args: Parameters<Http2SessionManager['request']>): Promise<ClientHttp2Stream> {
    const stream = await super.request(...args);
    const { session } = stream;
    if (session !== undefined && !this.#heard.has(session as ClientHttp2Session)) {
      this.#heard.add(session as ClientHttp2Session);
      session.on('error', () => undefined);
    }
    return stream;
  }
}

/** Connects where there is no connection. What fails here has not been sent. */
async function reach(manager: Http2SessionManager, target: string): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => resolve('late'), CONNECT_MS);
  try {
    const state = await Promise.race([manager.connect(), late]);
    if (state === 'open' || state === 'idle') return;
    const cause = state === 'error' ? manager.error() : undefined;
    if (state === 'late') manager.abort();
    throw new ReeveError('unavailable', `${target} cannot be reached: ${why(state, cause)}`, { cause });
  } finally {
    clearTimeout(timer);
  }
}

function why(state: 'late' | 'error', cause: unknown): string {
  if (state === 'late') return `no connection within ${CONNECT_MS} ms`;
  if (!(cause instanceof Error)) return 'the connection was closed';
  const { code = '', message } = (cause.cause instanceof Error ? cause.cause : cause) as NodeJS.ErrnoException;
  return REASONS[code] ?? message;
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'its name cannot be resolved at the moment',
  EHOSTUNREACH: 'there is no way to that host',
};
