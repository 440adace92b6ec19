import type { IncomingMessage, ServerResponse } from 'node:http';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { BodyOf, ErrorBody, Method, ParamsOf, QueryOf, AnswerOf, Route } from '@reeve/contract';
import type { Db } from '@reeve/db';
import {
  contextFromHeaders,
  counter,
  durations,
  ReeveError,
  withContext,
  within,
  type Log,
  type RequestContext,
} from '@reeve/kit';
import { Hono, type Context } from 'hono';
import type { WebSocket } from 'ws';
import { admitAgain, watchAdmission, whileAdmitted, type Again } from './admission.ts';
import { answerOf, firstStatus, Reply, toResponse, writeAnswer, type Answer } from './answer.ts';
import { readJson, readUpload } from './body.ts';
import { isForm, readForm, type FormFile } from './form.ts';
import { createCors, requireOwnPage, type Cors } from './cors.ts';
import { failureOf, failureTold, shownFailure } from './failure.ts';
import { headersWithKey, requireOwnOrigin } from './handshake.ts';
import { once } from './idempotency.ts';
import { isRefusal, type Limit, type OnRefused } from './limit.ts';
import { challengeOf, requireAccess, type Authenticate, type Principal } from './principal.ts';
import { securityOf } from './security.ts';
import { serveSocket, type Served } from './socket.ts';
import { EventStream } from './sse.ts';
import { validate } from './validate.ts';

/** What a handler is given: validated parts of the request and who sent it. */
export interface Call<R> {
  readonly params: ParamsOf<R>;
  readonly query: QueryOf<R>;
  readonly body: BodyOf<R>;
  /** The body as it was sent, with the fields that the route does not know. */
  readonly sent: unknown;
  /** The body of a route with `uploads`, to be read once; it throws where it is too large or the caller goes away. */
  readonly upload: AsyncIterable<Uint8Array>;
  /** The file of a form, on a route with `takesFile`. */
  readonly file: FormFile | undefined;
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
export type SocketHandler<R> = (
  call: Omit<Call<R>, 'body' | 'sent' | 'upload' | 'file' | 'signal'> & Again,
) => Promise<Served>;

/** How a request for a WebSocket is answered: with `serve` the connection is opened with the response's headers. */
export interface Upgrade {
  readonly response: Response;
  readonly serve?: (socket: WebSocket) => void;
}

export interface AppOptions {
  readonly service: string;
  readonly authenticate: Authenticate;
  /** Where answers to idempotency keys are kept. */
  readonly db: Db;
  readonly log: Log;
  /** Origins whose pages may call and read, or `*`; none where it is left out. */
  readonly corsOrigins?: readonly string[];
  readonly limit?: Limit;
  readonly onRefused?: OnRefused;
  /** Told of each request when it comes; what it answers is told when the answer begins. Neither may throw. */
  readonly enter?: () => () => void;
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
  /** Answers a request for a WebSocket: every check is made before it opens. `incoming`: what it came as. */
  upgrade(request: Request, incoming?: IncomingMessage): Promise<Upgrade>;
}

const requests = counter('reeve_http_requests_total', 'Requests answered.', ['route', 'method', 'status']);
const seconds = durations('reeve_http_request_seconds', 'Time to the first byte of an answer.', ['route', 'method']);
const nobody: Principal = { tenantId: '', userId: '', role: 'viewer', via: 'header' };

/**
 * An application with no routes yet. Every answer carries `X-Request-Id` and `X-Trace-ID`; every failure has the
 * contract's error body; what is wrong inside is logged and never leaves.
 */
export function createApp(given: AppOptions): App {
  const options: Parts = { ...given, cors: createCors(given.corsOrigins ?? []) };
  const hono = new Hono<{ Bindings: Asked }>();
  const routes: Route[] = [];
  let serveOther: (request: Request) => Promise<Response | undefined> = async () => undefined;

  hono.notFound((c) => {
    const call = begin(c, options.cors);
    return withContext(call.context, () =>
      finish(options, call, unmatched, async () => {
        const allowed = methodsOf(routes, c.req.path);
        if (allowed.length > 0) {
          const asked =
            c.req.method === 'OPTIONS' ? options.cors.preflight((name) => c.req.header(name), allowed) : undefined;
          if (asked !== undefined) return { status: 204, headers: asked, body: null };
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
        const call = begin(c, options.cors);
        return withContext(call.context, () =>
          finish(options, call, route, () => answer(options, route, handler as Handler<Route>, call)),
        );
      });
    },
    mountSocket(route, handler) {
      routes.push(route);
      hono.get(route.path.replace(/\{(\w+)\}/g, ':$1'), (c) => {
        const call = begin(c, options.cors);
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
    async upgrade(request, incoming) {
      const asked: Asked = { upgrade: true, ...(incoming !== undefined && { incoming }) };
      const response = await hono.fetch(request, asked);
      return { response, ...(asked.serve !== undefined && { serve: asked.serve }) };
    },
  };
}

/** What a request carries beside itself: the connection that it came by, and what a request for a WebSocket brings back. */
interface Asked {
  readonly incoming?: IncomingMessage;
  readonly outgoing?: ServerResponse;
  readonly upgrade?: true;
  serve?: (socket: WebSocket) => void;
}

type Parts = AppOptions & { readonly cors: Cors };

interface Incoming {
  readonly c: Context<{ Bindings: Asked }>;
  readonly context: RequestContext;
  readonly startedAt: number;
  /** Headers that go on the answer, whatever it becomes. */
  headers: Readonly<Record<string, string>>;
  /** Who asks, once that is known. */
  principal?: Principal;
}

function begin(c: Incoming['c'], cors: Cors): Incoming {
  const header = (name: string) => c.req.header(name);
  const context = contextFromHeaders(header);
  const headers = { ...cors.headersFor(header), 'x-request-id': context.requestId, 'x-trace-id': context.traceId };
  return { c, context, headers, startedAt: performance.now() };
}

/** How a socket is closed whose caller may not call any more. */
const POLICY_CLOSE = 1008;

/** What is told of a request, whichever route it met. */
type Met = Pick<Route, 'path' | 'failures'>;
const unmatched: Met = { path: 'unmatched' };

async function finish(
  options: Parts,
  call: Incoming,
  met: Met,
  work: () => Promise<Answer | Response>,
): Promise<Response> {
  const { c, startedAt } = call;
  const route = met.path;
  const leave = options.enter?.();
  const made = await work().catch((thrown: unknown) => failure(options, call, met, thrown));
  leave?.();
  const ms = performance.now() - startedAt;
  const status = c.env?.serve === undefined ? made.status : 101;
  requests.inc({ route, method: c.req.method, status: String(status) });
  seconds.observe({ route, method: c.req.method }, ms / 1000);
  options.log.debug({ method: c.req.method, path: c.req.path, status, duration_ms: Math.round(ms) }, 'request');
  const outgoing = c.env?.outgoing;
  const security = securityOf(c.env?.incoming?.socket);
  if (made instanceof Response) {
    const all = { ...security, ...Object.fromEntries(made.headers), ...call.headers };
    for (const [name, value] of Object.entries(all)) made.headers.set(name, value);
    return made;
  }
  const told = { ...made, headers: { ...security, ...made.headers, ...call.headers } };
  // The answer to a HEAD request has no body, which the connection's own writer must not begin to make.
  if (outgoing === undefined || outgoing.req.method === 'HEAD') return toResponse(told, options);
  await writeAnswer(outgoing, told, options);
  return RESPONSE_ALREADY_SENT;
}

async function answer(options: Parts, route: Route, handler: Handler<Route>, call: Incoming): Promise<Answer> {
  const { c, context } = call;
  const header = (name: string) => c.req.header(name);
  const { principal, params, query } = await within(ADMIT_MS, ADMITS, admit(options, route, call, header));
  const { sent, file } = await readBody(route, c, header);
  if (route.body !== undefined && sent === undefined)
    throw new ReeveError('invalid_request', 'a JSON body is required');
  const body = route.body === undefined ? undefined : validate(route.body, sent, 'body');
  const key = route.creates ? header('idempotency-key') : undefined;
  const input = {
    params,
    query,
    body,
    sent,
    file,
    upload: readUpload(c.req.raw, c.env?.incoming, route.uploads?.maxBytes ?? 0),
    principal,
    context,
    header,
    signal: key === undefined ? c.req.raw.signal : untouched,
  } as Call<Route>;

  const watched = (made: EventStream) =>
    route.access === 'public' ? made : whileAdmitted(options, route, header, principal, made);
  if (key === undefined) {
    const made = await handler(input);
    return answerOf(route, made instanceof EventStream ? watched(made) : made);
  }
  let stream: EventStream | undefined;
  const request = {
    tenantId: principal.tenantId,
    key,
    route: `${route.method} ${c.req.path}`,
    body: file === undefined ? sent : { ...(sent as object), file: file.sha256 },
    toldOnce: route.toldOnce,
  };
  const kept = await once(options.db, request, async () => {
    const made = await handler(input).catch((thrown: unknown) => begunAnswer(options, call, route, thrown));
    if (made instanceof EventStream) {
      stream = made;
      return made.source === undefined ? undefined : { status: 200, body: { [FOLLOWED]: made.source } };
    }
    return made instanceof Reply
      ? { status: made.status, body: made.value() }
      : { status: firstStatus(route), body: made };
  });
  if (kept?.replayed) stream = followAgain(options, principal, kept.body);
  const made = answerOf(route, stream === undefined ? new Reply(kept?.status ?? 200, kept?.body) : watched(stream));
  return kept?.replayed ? { ...made, headers: { ...made.headers, 'idempotent-replayed': 'true' } } : made;
}

/** The body of a request as it was sent: JSON, or a form where the route takes one. */
async function readBody(
  route: Route,
  c: Incoming['c'],
  header: (name: string) => string | undefined,
): Promise<{ sent: unknown; file?: FormFile }> {
  if (route.body === undefined) return { sent: undefined };
  if (route.takesFile === undefined || !isForm(header))
    return { sent: await readJson(c.req.raw, c.env?.incoming, route.bodyBytes) };
  const { fields, file } = await readForm(c.req.raw, c.env?.incoming, route.takesFile.maxBytes);
  return { sent: fields, file };
}

/** How long it may take to know who asks and whether they may, in milliseconds: a database that hangs must not hold callers. */
const ADMIT_MS = 10_000;
const ADMITS = 'what knows callers and their limits';

/** True for callers who are believed without a credential. */
function isUnproven({ via }: Principal): boolean {
  return via === 'development' || via === 'header';
}

/** Who asks, if they may, and what they ask for. */
async function admit(
  options: Parts,
  route: Route,
  call: Incoming,
  header: (name: string) => string | undefined,
): Promise<{ principal: Principal; params: unknown; query: unknown }> {
  const { c, context } = call;
  let principal = nobody;
  if (route.access !== 'public') {
    principal = call.principal = await options.authenticate(header, route);
    context.tenantId = principal.tenantId;
    if (options.limit !== undefined) {
      const { headers, refused } = await options.limit(principal, route);
      call.headers = { ...call.headers, ...headers };
      if (refused !== undefined) throw refused;
    }
    requireAccess(principal, route.access);
    if (route.method !== 'GET' && isUnproven(principal)) requireOwnPage(header, options.cors);
  }
  const params = route.params === undefined ? {} : validate(route.params, c.req.param(), 'path');
  const query = route.query === undefined ? {} : validate(route.query, queryOf(c), 'query');
  return { principal, params, query };
}

async function accept(options: Parts, route: Route, handler: SocketHandler<Route>, call: Incoming): Promise<Response> {
  const { c, context } = call;
  const plain = (name: string) => c.req.header(name);
  requireOwnOrigin(plain, options.cors);
  const header = headersWithKey(plain);
  const admitted = await within(ADMIT_MS, ADMITS, admit(options, route, call, header));
  const again = () => admitAgain(options, route, header, admitted.principal);
  const input = { ...admitted, context, header, again };
  if (c.env?.upgrade === undefined)
    throw new ReeveError('invalid_request', 'this is a WebSocket; ask with Upgrade: websocket');
  const served = await handler(input as Parameters<SocketHandler<Route>>[0]);
  c.env.serve = (socket) => {
    const stop = watchAdmission(options, route, header, admitted.principal, (why) =>
      socket.close(POLICY_CLOSE, why.message.slice(0, 100)),
    );
    socket.once('close', stop);
    serveSocket(socket, served, { ...options, context });
  };
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

function failure(
  options: Parts,
  call: Incoming,
  met: Met,
  thrown: unknown,
  headers: Record<string, string> = {},
): Answer {
  const error = failureOf(thrown);
  if (error.status >= 500) options.log.error({ err: error, path: call.c.req.path }, 'a request failed');
  const reply = failureReply(options, call, met, error);
  const retryAfterMs = error.retryAfterMs ?? (error.status === 503 ? 1000 : undefined);
  return answerOf(
    { responses: {} },
    new Reply(reply.status, reply.body, reply.contentType, {
      ...(retryAfterMs !== undefined && { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }),
      ...(error.status === 401 && { 'www-authenticate': challengeOf((name) => call.c.req.header(name)) }),
      ...reply.headers,
      ...headers,
    }),
  );
}

/** An error in the route's own shape, or the contract's. */
function failureReply(options: Parts, call: Incoming, { path, failures }: Met, error: ReeveError): Reply {
  if (options.onRefused !== undefined && isRefusal(error.status)) {
    const { c, principal, context } = call;
    const remoteAddress = c.env?.incoming?.socket.remoteAddress;
    options.onRefused({ error, principal, route: { method: c.req.method, path }, remoteAddress, context });
  }
  const body = failures?.of(failureTold(error)) ?? errorBody(options, call, error);
  // Clients that try again by themselves would start the run a second time.
  const headers = error.runId === undefined && !error.unsure ? {} : { 'x-should-retry': 'false' };
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

function errorBody(options: Parts, { context, startedAt }: Incoming, error: ReeveError): ErrorBody {
  return {
    request_id: context.requestId,
    trace_id: context.traceId,
    duration_ms: Math.round(performance.now() - startedAt),
    service: options.service,
    ...shownFailure(error),
  };
}

/** The answer of a call that failed although its run goes on, or perhaps does: it is kept, so that the same key does not start the run again. */
function begunAnswer(options: Parts, call: Incoming, route: Route, thrown: unknown): Reply {
  const error = ReeveError.from(thrown);
  if (error.runId === undefined && !error.unsure) throw thrown;
  return failureReply(options, call, route, error);
}
