import { ROLES, type Access, type Role } from '@reeve/contract';
import { ReeveError } from '@reeve/kit';

/** Who is calling, and how they proved it. */
export interface Principal {
  readonly tenantId: string;
  readonly userId: string;
  readonly role: Role;
  readonly via: 'development' | 'api_key' | 'internal' | 'header';
}

/** Finds out who is calling; throws `unauthenticated` for a wrong credential, and for none where one is needed. */
export type Authenticate = (header: (name: string) => string | undefined) => Promise<Principal>;

/** Throws `forbidden` unless the principal has at least the role. */
export function requireAccess(principal: Principal, access: Exclude<Access, 'public'>): void {
  if (ROLES.indexOf(principal.role) < ROLES.indexOf(access)) {
    throw new ReeveError('forbidden', `this needs the role ${access}; you have ${principal.role}`);
  }
}
