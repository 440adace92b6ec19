import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';

/** What every log line and every row written for a request carries. */
export interface RequestContext {
  readonly requestId: string;
  /** The correlation id: the caller's own free-form one, or the W3C trace id. */
  readonly traceId: string;
  tenantId?: string;
}

const storage = new AsyncLocalStorage<RequestContext>();

/** Runs `work` with a context that logs find by themselves. */
export function withContext<T>(context: RequestContext, work: () => T): T {
  return storage.run(context, work);
}

export function currentContext(): RequestContext | undefined {
  return storage.getStore();
}

const FREE_FORM = /^[A-Za-z0-9._:-]{1,128}$/;
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** A W3C trace id: 32 hexadecimal digits. Those of a UUID, which Node draws many at a time. */
export function newTraceId(): string {
  return randomUUID().replaceAll('-', '');
}

/**
 * The ids of a request, from its headers where they are well formed, else new ones. A caller's `X-Trace-ID` is
 * kept as it is; without one the trace id of `traceparent` is used.
 */
export function contextFromHeaders(header: (name: string) => string | undefined): RequestContext {
  const requestId = header('x-request-id');
  const traceId = header('x-trace-id');
  const parent = TRACEPARENT.exec(header('traceparent') ?? '')?.[1];
  return {
    requestId: requestId !== undefined && FREE_FORM.test(requestId) ? requestId : randomUUID(),
    traceId: traceId !== undefined && FREE_FORM.test(traceId) ? traceId : (parent ?? newTraceId()),
  };
}
