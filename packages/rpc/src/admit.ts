import type { ContextValues, HandlerContext, Interceptor, StreamRequest, UnaryRequest } from '@connectrpc/connect';
import { Code, ConnectError, createContextKey } from '@connectrpc/connect';
import type { Limit, OnRefused, Principal } from '@reeve/http';
import {
  contextFromHeaders,
  counter,
  durations,
  newTraceId,
  ReeveError,
  withContext,
  within,
  type Log,
  type RequestContext,
} from '@reeve/kit';
import { callerKey, connectionKey, type AuthenticateCall } from './caller.ts';
import { toConnectError } from './failure.ts';

export interface AdmitOptions {
  readonly authenticate: AuthenticateCall;
  readonly log: Log;
  /** Asked of callers who are not Reeve's own roles. */
  readonly limit?: Limit | undefined;
  readonly onRefused?: OnRefused | undefined;
}

const requests = counter('reeve_rpc_requests_total', 'Calls of services answered.', ['method', 'code']);
const seconds = durations('reeve_rpc_request_seconds', 'Duration of calls of services.', ['method']);

/** Services that tell nothing of anybody: whether it works, and what could be called. */
const PUBLIC = /^grpc\.(health|reflection)\./;
/** How long it may take to know who calls and whether they may. */
const ADMIT_MS = 10_000;
const ADMITS = 'what knows callers and their limits';

interface Begun {
  readonly context: RequestContext;
  readonly startedAt: number;
}
/** A call, for what is told of it. */
interface Met {
  readonly method: string;
  readonly begun: Begun;
  readonly values: ContextValues;
}

const begunKey = createContextKey<Begun | undefined>(undefined);

/**
 * What stands before every method. `gate` finds out who calls before anything of the body is read; `interceptor` gives the
 * method its request's context, keeps deadlines and cancellation, and turns what it throws into errors that callers can read.
 */
export function createAdmission(options: AdmitOptions): {
  gate: (call: HandlerContext) => Promise<void>;
  interceptor: Interceptor;
} {
  return {
    async gate(call) {
      const header = headerOf(call);
      const context = contextFromHeaders(header);
      const begun = { context, startedAt: performance.now() };
      call.values.set(begunKey, begun);
      call.responseHeader.set('x-request-id', context.requestId);
      call.responseHeader.set('x-trace-id', context.traceId);
      if (PUBLIC.test(call.service.typeName)) return;
      await withContext(context, async () => {
        try {
          await within(ADMIT_MS, ADMITS, admit(options, call, header, context, pathOf(call)));
        } catch (thrown) {
          throw failed(options, { method: pathOf(call), begun, values: call.values }, thrown);
        }
      });
    },
    interceptor: (next) => async (request) => {
      const method = `/${request.service.typeName}/${request.method.name}`;
      const met = { method, begun: begunOf(request.contextValues), values: request.contextValues };
      const fail = (thrown: unknown) => failed(options, met, reasonOf(request, thrown));
      const { context } = met.begun;
      return withContext(context, async () => {
        try {
          const answer = await next(request);
          if (answer.stream) {
            const message = watched(answer.message, context, fail, () => ended(options, met));
            return { ...answer, message };
          }
          ended(options, met);
          return answer;
        } catch (thrown) {
          throw fail(thrown);
        }
      });
    },
  };
}

/** Finds out who calls, and keeps it for the method. */
async function admit(
  options: AdmitOptions,
  { values }: HandlerContext,
  header: (name: string) => string | undefined,
  context: RequestContext,
  path: string,
): Promise<void> {
  const principal = await options.authenticate(header, values.get(connectionKey));
  context.tenantId = principal.tenantId;
  values.set(callerKey, { principal, context });
  await keepLimit(options, principal, path);
}

/** Throws where this caller may not call so often. Reeve's own roles carry the calls of everybody. */
async function keepLimit({ limit }: AdmitOptions, principal: Principal, path: string): Promise<void> {
  if (limit === undefined || principal.via === 'internal' || principal.via === 'certificate') return;
  const { refused: no } = await limit(principal, { method: 'POST', path, access: 'viewer' });
  if (no !== undefined) throw no;
}

/** Ends a call that failed: tells who wants to know, and answers what its caller is told. */
function failed(options: AdmitOptions, { method, begun, values }: Met, thrown: unknown): ConnectError {
  const { context } = begun;
  const reeve = thrown instanceof ReeveError ? thrown : undefined;
  if (reeve !== undefined && [401, 403, 429].includes(reeve.status)) {
    const { remoteAddress } = values.get(connectionKey);
    const principal = values.get(callerKey)?.principal;
    options.onRefused?.({ error: reeve, principal, route: { method: 'POST', path: method }, remoteAddress, context });
  }
  const error = toConnectError(thrown, context);
  const code = nameOf(error.code);
  if (code === 'internal' || code === 'unknown')
    withContext(context, () => options.log.error({ err: thrown, method }, 'a call failed inside'));
  ended(options, { method, begun, values }, code);
  return error;
}

/** Counts and logs the end of a call. */
function ended({ log }: AdmitOptions, { method, begun: { context, startedAt } }: Met, code = 'ok'): void {
  const ms = performance.now() - startedAt;
  requests.inc({ method, code });
  seconds.observe({ method }, ms / 1000);
  withContext(context, () => log.debug({ method, code, duration_ms: Math.round(ms) }, 'rpc'));
}

/** A call that was cancelled, is late, or was ended with the server failed because of that, whatever its method threw then. */
function reasonOf({ signal }: UnaryRequest | StreamRequest, thrown: unknown): unknown {
  if (!signal.aborted) return thrown;
  const { reason } = signal as { readonly reason: unknown };
  if (!(reason instanceof ConnectError))
    return new ReeveError('cancelled', 'the call was cancelled', { cause: thrown });
  return reason.code === Code.Unavailable
    ? new ReeveError('shutting_down', 'the server stopped in the middle of the call', { cause: thrown })
    : reason;
}

/** The same messages, each made in the context of the request, with failures as callers are told of them. */
async function* watched<T>(
  messages: AsyncIterable<T>,
  context: RequestContext,
  fail: (thrown: unknown) => ConnectError,
  done: () => void,
): AsyncGenerator<T> {
  const iterator = messages[Symbol.asyncIterator]();
  let isOver = false;
  try {
    for (;;) {
      const result = await withContext(context, () => iterator.next());
      if (result.done === true) break;
      yield result.value;
    }
    isOver = true;
    done();
  } catch (thrown) {
    isOver = true;
    throw fail(thrown);
  } finally {
    if (!isOver) {
      await withContext(context, async () => iterator.return?.());
      fail(new ReeveError('cancelled', 'the caller disconnected'));
    }
  }
}

/** Headers by their names, and the authority as the host that was asked. */
function headerOf(call: HandlerContext): (name: string) => string | undefined {
  const { authority } = call.values.get(connectionKey);
  return (name) =>
    name === 'host' && authority !== undefined ? authority : (call.requestHeader.get(name) ?? undefined);
}

function pathOf(call: HandlerContext): string {
  return `/${call.service.typeName}/${call.method.name}`;
}

function begunOf(values: ContextValues): Begun {
  return (
    values.get(begunKey) ?? {
      context: { requestId: newTraceId(), traceId: newTraceId() },
      startedAt: performance.now(),
    }
  );
}

function nameOf(code: Code): string {
  return Code[code].replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
}
