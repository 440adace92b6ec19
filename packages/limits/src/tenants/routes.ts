import { routes } from '@reeve/contract';
import type { Database } from '@reeve/db';
import { requesterOf, type App, type Principal } from '@reeve/http';
import { ReeveError } from '@reeve/kit';
import { DEFAULT_TENANT } from '@reeve/identity';
import type { Policies } from '../policy/open.ts';
import { selectOverridesOf } from '../store/policy.ts';
import { listTenants } from '../store/tenant.ts';
import { changeTenant, makeTenant, setOverrides, shownTenant } from './change.ts';

/**
 * Mounts the routes of tenants. Admins of the tenant `default` operate the installation (its bootstrap keys are theirs) and
 * reach every tenant; admins of any other reach their own, and another's looks as if it were not there.
 */
export function mountTenants(app: App, database: Database, policies: Policies): void {
  const page = async (only: string | undefined, q: string | undefined, paging: { limit: number; offset: number }) => {
    const { tenants, total } = await listTenants(database.db, only, q, paging);
    const ids = tenants.map(({ tenantId }) => tenantId);
    const stored = new Map((await selectOverridesOf(database.db, ids)).map((row) => [row.tenantId, row]));
    return { tenants: tenants.map((tenant) => shownTenant(tenant, stored.get(tenant.tenantId), policies)), total };
  };

  app.mount(routes.listTenants, async ({ principal, query: { limit, offset, q } }) => {
    const only = operates(principal) ? undefined : principal.tenantId;
    return { ...(await page(only, q, { limit, offset })), limit, offset };
  });

  app.mount(routes.createTenant, async (call) => {
    if (!operates(call.principal))
      throw new ReeveError('forbidden', `only an admin of the tenant ${DEFAULT_TENANT} makes tenants`);
    return makeTenant(database, policies, requesterOf(call), call.body);
  });

  app.mount(routes.getTenant, async ({ principal, params: { id } }) => {
    requireReach(principal, id);
    const [tenant] = (await page(id, undefined, { limit: 1, offset: 0 })).tenants;
    if (tenant === undefined) throw absent(id);
    return tenant;
  });

  app.mount(routes.updateTenant, async (call) => {
    requireOperates(call.principal, call.params.id);
    return changeTenant(database, policies, requesterOf(call), call.params.id, call.body);
  });

  app.mount(routes.putTenantOverrides, async (call) => {
    requireOperates(call.principal, call.params.id);
    return setOverrides(database, policies, requesterOf(call), call.params.id, call.body);
  });

  app.mount(routes.deleteTenantOverrides, async (call) => {
    requireOperates(call.principal, call.params.id);
    await setOverrides(database, policies, requesterOf(call), call.params.id, {});
    return null;
  });
}

function operates({ tenantId }: Principal): boolean {
  return tenantId === DEFAULT_TENANT;
}

function requireReach(principal: Principal, tenantId: string): void {
  if (!operates(principal) && principal.tenantId !== tenantId) throw absent(tenantId);
}

/** What holds for a tenant is said by who operates the installation: else nobody would be held by it. */
function requireOperates(principal: Principal, tenantId: string): void {
  requireReach(principal, tenantId);
  if (!operates(principal))
    throw new ReeveError('forbidden', 'only an admin of the tenant default may change what holds for a tenant');
}

function absent(tenantId: string): ReeveError {
  return new ReeveError('not_found', `there is no tenant ${tenantId}`);
}
