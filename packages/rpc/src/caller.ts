import { createContextKey, type ContextValues } from '@connectrpc/connect';
import type { Principal } from '@reeve/http';
import { ReeveError, type RequestContext } from '@reeve/kit';

/** What a call came by. */
export interface Connection {
  /** The name under which the server was called, with its port. */
  readonly authority: string | undefined;
  /** True where the other side showed a certificate that our authority signed. */
  readonly isPeer: boolean;
  readonly remoteAddress: string | undefined;
}

/** Who calls, in which request. */
export interface Caller {
  readonly principal: Principal;
  readonly context: RequestContext;
}

/**
 * Finds out who calls; throws `unauthenticated` for a wrong credential, and for none where one is needed. `header` also knows
 * the authority of HTTP/2, as `host`.
 */
export type AuthenticateCall = (
  header: (name: string) => string | undefined,
  connection: Connection,
) => Promise<Principal>;

export const connectionKey = createContextKey<Connection>({
  authority: undefined,
  isPeer: false,
  remoteAddress: undefined,
});

export const callerKey = createContextKey<Caller | undefined>(undefined);

/** True for Reeve's own roles, and in development mode for everybody. */
export function isRole({ principal: { via } }: Pick<Caller, 'principal'>): boolean {
  return via === 'certificate' || via === 'internal' || via === 'development';
}

/** Who calls a method, for its implementation. */
export function callerOf({ values }: { readonly values: ContextValues }): Caller {
  const caller = values.get(callerKey);
  if (caller === undefined) throw new ReeveError('unauthenticated', 'nobody knows who calls');
  return caller;
}
