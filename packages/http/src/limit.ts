import type { Route } from '@reeve/contract';
import type { ReeveError, RequestContext } from '@reeve/kit';
import type { Principal } from './principal.ts';

/** What a limiter says of one request. */
export interface Limited {
  /** Headers of the answer, whatever it becomes: `RateLimit-Limit`, `RateLimit-Remaining`, `RateLimit-Reset`, `RateLimit-Policy`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Why the request is not answered; left out where it is. */
  readonly refused?: ReeveError;
}

/**
 * Asked of every request whose caller is known, before its role and its input are looked at. Public routes are not
 * limited. What it throws is the answer, such as `unavailable` where limits cannot be reached.
 */
export type Limit = (who: Principal, route: Pick<Route, 'method' | 'path' | 'access'>) => Promise<Limited>;

/** A request that was answered with 401, 403 or 429. */
export interface Refused {
  readonly error: ReeveError;
  /** Who asked; undefined where that is not known. */
  readonly principal: Principal | undefined;
  /** The route as the contract names it, without what the caller put into its path. */
  readonly route: { readonly method: string; readonly path: string };
  /** The address that the connection came from, which a proxy in front hides. */
  readonly remoteAddress: string | undefined;
  readonly context: RequestContext;
}

/** Told of every refusal. Must neither throw nor make anybody wait. */
export type OnRefused = (refused: Refused) => void;

/** True for the statuses that say no to a caller. */
export function isRefusal(status: number): boolean {
  return status === 401 || status === 403 || status === 429;
}
