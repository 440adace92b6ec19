import { ROLES, type Access, type Role, type Route } from '@reeve/contract';
import { ReeveError } from '@reeve/kit';

/** Who is calling, and how they proved it. */
export interface Principal {
  readonly tenantId: string;
  readonly userId: string;
  readonly role: Role;
  readonly via: 'development' | 'api_key' | 'internal' | 'header' | 'jwt' | 'certificate';
  /** The stored key, where they proved it by one; its secret may change, this does not. */
  readonly keyId?: string;
}

/**
 * Finds out who is calling; throws `unauthenticated` for a wrong credential, and for none where one is needed. In development
 * mode a route with `ignoresForeignTokens` accepts any bearer token that is no key of Reeve’s.
 */
export type Authenticate = (
  header: (name: string) => string | undefined,
  route?: Pick<Route, 'ignoresForeignTokens'>,
) => Promise<Principal>;

/** What `WWW-Authenticate` says beside a 401: what is asked for, and whether what was given is wrong (RFC 6750). */
export function challengeOf(header: (name: string) => string | undefined): string {
  return `Bearer realm="reeve"${header('authorization') === undefined ? '' : ', error="invalid_token"'}`;
}

/** Throws `forbidden`, with both roles in `access`, unless the principal has at least the role. */
export function requireAccess(principal: Principal, access: Exclude<Access, 'public'>): void {
  if (ROLES.indexOf(principal.role) < ROLES.indexOf(access)) {
    throw new ReeveError('forbidden', `this requires the role ${access}; you have ${principal.role}`, {
      access: { required_role: access, role: principal.role },
    });
  }
}
