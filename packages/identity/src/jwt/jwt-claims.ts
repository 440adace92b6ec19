import { ROLES, type Role } from '@reeve/contract';
import { ReeveError } from '@reeve/kit';
import { z } from 'zod';
import { TENANT_ID, DEFAULT_TENANT } from '../tenant.ts';

/** Who a token says its bearer is. */
export interface TokenHolder {
  readonly tenantId: string;
  readonly userId: string;
  readonly role: Role;
}

/** User ids that Reeve gives itself: nobody gets one from elsewhere. */
export const OURS = /^(system$|internal-service$|local$|nobody$|key-|agent:)/;

const Claims = z.object({
  sub: z
    .string('sub must be a text')
    .regex(/^[^\p{C}\p{Z}]{1,200}$/u, 'sub must be 1 to 200 characters without spaces')
    .refine((sub) => !OURS.test(sub), 'sub is a user id that Reeve keeps for itself'),
  tenant_id: z
    .string('tenant_id must be a text')
    .regex(TENANT_ID, 'tenant_id must be 1 to 64 letters, digits, - or _')
    .nullish(),
  roles: z.array(z.string('roles must be texts'), 'roles must be a list').nullish(),
});

/**
 * Who claims `sub`, `tenant_id` (without it the tenant `default`) and `roles` name, with the strongest of the roles that
 * Reeve knows, else viewer. Throws `unauthenticated` for claims of another type or form.
 */
export function holderOf(claims: unknown): TokenHolder {
  const parsed = Claims.safeParse(claims);
  if (!parsed.success) throw refusedToken(parsed.error.issues[0]?.message ?? 'its claims are not valid');
  const { sub, tenant_id, roles } = parsed.data;
  const role = ROLES.findLast((known) => roles?.includes(known)) ?? 'viewer';
  return { tenantId: tenant_id ?? DEFAULT_TENANT, userId: sub, role };
}

/** A token that proves nothing. */
export function refusedToken(why: string, cause?: unknown): ReeveError {
  return new ReeveError('unauthenticated', `the token is refused: ${why}`, { cause });
}
