import type { Db } from '@reeve/db';
import { ReeveError } from '@reeve/kit';

/** The tenant of everybody who names none. */
export const DEFAULT_TENANT = 'default';

/** What a tenant's id looks like. */
export const TENANT_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

const known = new WeakMap<Db, Set<string>>();

/** Makes the tenant where it is missing; throws `unauthenticated` for a name that no tenant can have. */
export async function ensureTenant(db: Db, tenantId: string): Promise<void> {
  const seen = known.get(db) ?? new Set();
  known.set(db, seen);
  if (seen.has(tenantId)) return;
  if (!TENANT_ID.test(tenantId)) {
    throw new ReeveError('unauthenticated', 'X-Tenant-Id must be 1 to 64 letters, digits, - or _');
  }
  await db
    .insertInto('tenants')
    .values({ tenant_id: tenantId, name: tenantId })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  seen.add(tenantId);
}
