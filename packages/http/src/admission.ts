import type { Route } from '@reeve/contract';
import { ReeveError } from '@reeve/kit';
import type { Limit } from './limit.ts';
import type { Authenticate, Principal } from './principal.ts';
import { EventStream } from './sse.ts';

/** Who decides whether a caller may go on. */
interface Admission {
  readonly authenticate: Authenticate;
  readonly limit?: Limit;
}

type Header = (name: string) => string | undefined;

/** How long a stream outlives the credential that it was opened with, in milliseconds. */
const ADMISSION_MS = 15_000;

/** For what goes on after its request. */
export interface Again {
  /** Asks again who calls, and counts another request of theirs. Throws what the request itself would be refused with now. */
  readonly again: () => Promise<void>;
}

/** The same caller, who may still call the route and has a request left. */
export async function admitAgain(
  admission: Admission,
  route: Route,
  header: Header,
  principal: Principal,
): Promise<void> {
  requireSame(principal, await admission.authenticate(header, route));
  const { refused } = (await admission.limit?.(principal, route)) ?? {};
  if (refused !== undefined) throw refused;
}

/** Looks now and then whether a caller is still who they were, until stopped; who is not is told of once. */
export function watchAdmission(
  admission: Admission,
  route: Route,
  header: Header,
  principal: Principal,
  gone: (why: ReeveError) => void,
): () => void {
  const look = async () => {
    try {
      requireSame(principal, await admission.authenticate(header, route));
    } catch (thrown) {
      const error = ReeveError.from(thrown);
      // Where nobody can know, the caller stays for now.
      if (error.status === 401) gone(error);
    }
  };
  const timer = setInterval(() => void look(), ADMISSION_MS);
  timer.unref();
  return () => clearInterval(timer);
}

function requireSame(before: Principal, now: Principal): void {
  if (now.tenantId !== before.tenantId || now.userId !== before.userId || now.role !== before.role)
    throw new ReeveError('unauthenticated', 'the credential now belongs to another user');
}

/** A stream that ends when its caller may not call any more, so that they come back and are told why. */
export function whileAdmitted(
  admission: Admission,
  route: Route,
  header: Header,
  principal: Principal,
  stream: EventStream,
): EventStream {
  return new EventStream(
    async function* (signal) {
      const over = new AbortController();
      const stop = watchAdmission(admission, route, header, principal, (why) => over.abort(why));
      try {
        yield* stream.events(AbortSignal.any([signal, over.signal]));
        over.signal.throwIfAborted();
      } finally {
        stop();
      }
    },
    stream.source,
    stream.headers,
  );
}
