import type { BodyOf, ErrorBody, Method, ParamsOf, QueryOf, AnswerOf, Route } from '@reeve/contract';
import type { Db } from '@reeve/db';
import {
  contextFromHeaders,
  counter,
  durations,
  ReeveError,
  withContext,
  type Log,
  type RequestContext,
} from '@reeve/kit';
import { Hono, type Context } from 'hono';
import type { WebSocket } from 'ws';
import { readJson } from './body.ts';
import { failureOf, failureTold, shownFailure } from './failure.ts';
import { headersWithKey, requireOwnOrigin } from './handshake.ts';
import { once } from './idempotency.ts';
import { requireAccess, type Authenticate, type Principal } from './principal.ts';
import { serveSocket, type Served } from './socket.ts';
import { encodeEvents, EventStream } from './sse.ts';
import { validate } from './validate.ts';

/** What a handler is given: validated parts of the request and who sent it. */
export interface Call<R> {
  readonly params: ParamsOf<R>;
  readonly query: QueryOf<R>;
  readonly body: BodyOf<R>;
  /** The caller; on a public route nobody, with the role viewer in no tenant. */
  readonly principal: Principal;
  readonly context: RequestContext;
  /** Aborts when the caller goes away. */
  readonly signal: AbortSignal;
  readonly header: (name: string) => string | undefined;
}

/** Answers the route's first success by returning its JSON, another by `reply`, a stream by an EventStream. */
export type Handler<R> = (call: Call<R>) => Promise<AnswerOf<R> | Reply | EventStream>;

/** Decides over a WebSocket before it is opened: what it throws is an ordinary HTTP error, what it answers serves it. */
export type SocketHandler<R> = (call: Omit<Call<R>, 'body' | 'signal'>) => Promise<Served>;

/** How a request for a WebSocket is answered: with `serve` the connection is opened with the response's headers. */
export interface Upgrade {
  readonly response: Response;
  readonly serve?: (socket: WebSocket) => void;
}

/** An answer with a status, a type or headers of its own. */
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
}

export interface AppOptions {
  readonly service: string;
  readonly authenticate: Authenticate;
  /** Where answers to idempotency keys are kept. */
  readonly db: Db;
  readonly log: Log;
  /** Opens a stream again by its source, for a repeated idempotency key. */
  readonly follow?: (tenantId: string, source: string) => EventStream;
  /** Aborts when the server stops: streams end, to be resumed elsewhere. */
  readonly stopping: AbortSignal;
}

/** An HTTP application under construction. `fetch` answers a request in process, as a server would. */
export interface App {
  readonly routes: readonly Route[];
  mount<R extends Route>(route: R, handler: Handler<R>): void;
  /** Mounts a route with `frames`; a request that does not ask for a WebSocket gets `invalid_request`. */
  mountSocket<R extends Route>(route: R, handler: SocketHandler<R>): void;
  /** Serves what no route does, such as a page's files; undefined: not found. */
  fallback(serve: (request: Request) => Promise<Response | undefined>): void;
  fetch(request: Request, ...rest: object[]): Promise<Response>;
  /** True where a path is a WebSocket's. */
  hasSocket(path: string): boolean;
  /** Answers a request for a WebSocket: every check is made before it opens. */
  upgrade(request: Request): Promise<Upgrade>;
}

const requests = counter('reeve_http_requests_total', 'Requests answered.', ['route', 'method', 'status']);
const seconds = durations('reeve_http_request_seconds', 'Time to the first byte of an answer.', ['route', 'method']);
const nobody: Principal = { tenantId: '', userId: '', role: 'viewer', via: 'header' };

/**
 * An application with no routes yet. Every answer carries `X-Request-Id` and `X-Trace-ID`; every failure has the
 * contract's error body; what is wrong inside is logged and never leaves.
 */
export function createApp(options: AppOptions): App {
  const hono = new Hono<{ Bindings: Asked }>();
  const routes: Route[] = [];
  let serveOther: (request: Request) => Promise<Response | undefined> = async () => undefined;

  hono.notFound((c) => {
    const call = begin(c);
    return withContext(call.context, () =>
      finish(options, call, unmatched, async () => {
        const allowed = methodsOf(routes, c.req.path);
        if (allowed.length > 0) {
          const error = new ReeveError(
            'method_not_allowed',
            `${c.req.method} is not allowed here; ${allowed.join(', ')} is`,
          );
          return failure(options, call, unmatched, error, { allow: allowed.join(', ') });
        }
        const other = c.req.method === 'GET' || c.req.method === 'HEAD' ? await serveOther(c.req.raw) : undefined;
        if (other !== undefined) return other;
        throw new ReeveError('not_found', `there is nothing at ${c.req.path.slice(0, 200)}`);
      }),
    );
  });

  return {
    routes,
    mount(route, handler) {
      routes.push(route);
      hono.on(route.method, route.path.replace(/\{(\w+)\}/g, ':$1'), (c) => {
        const call = begin(c);
        return withContext(call.context, () =>
          finish(options, call, route, () => answer(options, route, handler as Handler<Route>, call)),
        );
      });
    },
    mountSocket(route, handler) {
      routes.push(route);
      hono.get(route.path.replace(/\{(\w+)\}/g, ':$1'), (c) => {
        const call = begin(c);
        return withContext(call.context, () =>
          finish(options, call, route, () => accept(options, route, handler as SocketHandler<Route>, call)),
        );
      });
    },
    fallback(serve) {
      serveOther = serve;
    },
    fetch: async (request, ...rest) => hono.fetch(request, ...rest),
    hasSocket: (path) => routes.some((route) => route.frames !== undefined && patternOf(route).test(path)),
    async upgrade(request) {
      const asked: Asked = { upgrade: true };
      const response = await hono.fetch(request, asked);
      return { response, ...(asked.serve !== undefined && { serve: asked.serve }) };
    },
  };
}

/** What a request for a WebSocket carries to its handler, and back. */
interface Asked {
  readonly upgrade?: true;
  serve?: (socket: WebSocket) => void;
}

interface Incoming {
  readonly c: Context<{ Bindings: Asked }>;
  readonly context: RequestContext;
  readonly startedAt: number;
}

function begin(c: Incoming['c']): Incoming {
  return { c, context: contextFromHeaders((name) => c.req.header(name)), startedAt: performance.now() };
}

/** What is told of a request, whichever route it met. */
type Met = Pick<Route, 'path' | 'failures'>;
const unmatched: Met = { path: 'unmatched' };

async function finish(options: AppOptions, call: Incoming, met: Met, work: () => Promise<Response>): Promise<Response> {
  const { c, context, startedAt } = call;
  const route = met.path;
  const response = await work().catch((thrown: unknown) => failure(options, call, met, thrown));
  const ms = performance.now() - startedAt;
  const status = c.env?.serve === undefined ? response.status : 101;
  requests.inc({ route, method: c.req.method, status: String(status) });
  seconds.observe({ route, method: c.req.method }, ms / 1000);
  options.log.debug({ method: c.req.method, path: c.req.path, status, duration_ms: Math.round(ms) }, 'request');
  response.headers.set('x-request-id', context.requestId);
  response.headers.set('x-trace-id', context.traceId);
  return response;
}

async function answer(options: AppOptions, route: Route, handler: Handler<Route>, call: Incoming): Promise<Response> {
  const { c, context } = call;
  const header = (name: string) => c.req.header(name);
  const { principal, params, query } = await admit(options, route, call, header);
  const sent = route.body === undefined ? undefined : await readJson(c.req.raw);
  if (route.body !== undefined && sent === undefined)
    throw new ReeveError('invalid_request', 'a JSON body is required');
  const body = route.body === undefined ? undefined : validate(route.body, sent, 'body');
  const key = route.creates ? header('idempotency-key') : undefined;
  const input = {
    params,
    query,
    body,
    principal,
    context,
    header,
    signal: key === undefined ? c.req.raw.signal : untouched,
  } as Call<Route>;

  if (key === undefined) return respond(options, route, await handler(input));
  let stream: EventStream | undefined;
  const request = { tenantId: principal.tenantId, key, route: `${route.method} ${c.req.path}`, body: sent };
  const kept = await once(options.db, request, async () => {
    const made = await handler(input).catch((thrown: unknown) => begunAnswer(options, call, route, thrown));
    if (made instanceof EventStream) {
      stream = made;
      return made.source === undefined ? undefined : { status: 200, body: { [FOLLOWED]: made.source } };
    }
    return made instanceof Reply
      ? { status: made.status, body: made.body }
      : { status: firstStatus(route), body: made };
  });
  if (kept?.replayed) stream = followAgain(options, principal, kept.body);
  const response = respond(options, route, stream ?? new Reply(kept?.status ?? 200, kept?.body));
  if (kept?.replayed) response.headers.set('idempotent-replayed', 'true');
  return response;
}

/** Who asks, if they may, and what they ask for. */
async function admit(
  options: AppOptions,
  route: Route,
  { c, context }: Incoming,
  header: (name: string) => string | undefined,
): Promise<{ principal: Principal; params: unknown; query: unknown }> {
  let principal = nobody;
  if (route.access !== 'public') {
    principal = await options.authenticate(header);
    requireAccess(principal, route.access);
    context.tenantId = principal.tenantId;
  }
  const params = route.params === undefined ? {} : validate(route.params, c.req.param(), 'path');
  const query = route.query === undefined ? {} : validate(route.query, queryOf(c), 'query');
  return { principal, params, query };
}

async function accept(
  options: AppOptions,
  route: Route,
  handler: SocketHandler<Route>,
  call: Incoming,
): Promise<Response> {
  const { c, context } = call;
  const plain = (name: string) => c.req.header(name);
  requireOwnOrigin(plain);
  const header = headersWithKey(plain);
  const input = { ...(await admit(options, route, call, header)), context, header };
  if (c.env?.upgrade === undefined)
    throw new ReeveError('invalid_request', 'this is a WebSocket; ask with Upgrade: websocket');
  const served = await handler(input as Parameters<SocketHandler<Route>>[0]);
  c.env.serve = (socket) => serveSocket(socket, served, { ...options, context });
  return new Response(null);
}

/** How a kept answer says that it was a stream, and of what. */
const FOLLOWED = '$stream_of';

function followAgain({ follow }: AppOptions, { tenantId }: Principal, answered: unknown): EventStream | undefined {
  const source =
    typeof answered === 'object' && answered !== null && FOLLOWED in answered ? answered[FOLLOWED] : undefined;
  return typeof source === 'string' ? follow?.(tenantId, source) : undefined;
}

/** A caller that goes away under an idempotency key comes back for the answer: its call goes on to the end. */
const untouched = new AbortController().signal;

function queryOf(c: Incoming['c']): Record<string, string> {
  const all = c.req.queries();
  for (const [name, values] of Object.entries(all)) {
    if (values.length > 1)
      throw new ReeveError('invalid_request', `${name} is given more than once`, {
        details: [{ path: name, message: 'is given more than once' }],
      });
  }
  return c.req.query();
}

function respond(options: AppOptions, route: Pick<Route, 'produces' | 'responses'>, made: unknown): Response {
  if (made instanceof EventStream) {
    return new Response(encodeEvents(made, options.stopping, options.log), {
      headers: {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
        ...made.headers,
      },
    });
  }
  const reply = made instanceof Reply ? made : new Reply(firstStatus(route), made, route.produces);
  if (reply.status === 204) return new Response(null, { status: 204, headers: reply.headers });
  const text = reply.contentType === 'application/json' ? JSON.stringify(reply.body) : String(reply.body);
  return new Response(text, {
    status: reply.status,
    headers: { 'content-type': reply.contentType, 'x-content-type-options': 'nosniff', ...reply.headers },
  });
}

function firstStatus({ responses }: Pick<Route, 'responses'>): number {
  return Number(Object.keys(responses)[0] ?? 200);
}

function failure(
  options: AppOptions,
  call: Incoming,
  met: Met,
  thrown: unknown,
  headers: Record<string, string> = {},
): Response {
  const error = failureOf(thrown);
  if (error.status >= 500) options.log.error({ err: error, path: call.c.req.path }, 'a request failed');
  const reply = failureReply(options, call, met, error);
  const retryAfterMs = error.retryAfterMs ?? (error.status === 503 ? 1000 : undefined);
  return respond(
    options,
    { responses: {} },
    new Reply(reply.status, reply.body, reply.contentType, {
      ...(retryAfterMs !== undefined && { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }),
      ...reply.headers,
      ...headers,
    }),
  );
}

/** An error in the route's own shape, or the contract's. */
function failureReply(options: AppOptions, call: Incoming, { failures }: Met, error: ReeveError): Reply {
  const body = failures?.of(failureTold(error)) ?? errorBody(options, call, error);
  // Clients that try again by themselves would start the run a second time.
  const headers = error.runId === undefined ? {} : { 'x-should-retry': 'false' };
  return new Reply(error.status, body, failures?.produces, headers);
}

function methodsOf(routes: readonly Route[], path: string): Method[] {
  return routes.filter((route) => patternOf(route).test(path)).map(({ method }) => method);
}

const patterns = new WeakMap<Route, RegExp>();

function patternOf(route: Route): RegExp {
  let pattern = patterns.get(route);
  if (pattern === undefined) {
    pattern = new RegExp(`^${route.path.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+')}$`);
    patterns.set(route, pattern);
  }
  return pattern;
}

function errorBody(options: AppOptions, { context, startedAt }: Incoming, error: ReeveError): ErrorBody {
  return {
    request_id: context.requestId,
    trace_id: context.traceId,
    duration_ms: Math.round(performance.now() - startedAt),
    service: options.service,
    ...shownFailure(error),
  };
}

/** The answer of a call that failed although its run goes on: it is kept, so that the same key does not start the run again. */
function begunAnswer(options: AppOptions, call: Incoming, route: Route, thrown: unknown): Reply {
  const error = ReeveError.from(thrown);
  if (error.runId === undefined) throw thrown;
  return failureReply(options, call, route, error);
}
