import { recordAudit } from '@reeve/audit';
import type { Tenant, TenantInput, TenantPatch, TenantSettings } from '@reeve/contract';
import type { Database, Tx } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import { DEFAULT_TENANT } from '@reeve/identity';
import type { Policies } from '../policy/open.ts';
import { requirePatterns } from '../policy/pattern.ts';
import { changeSettings } from '../policy/policy.ts';
import { selectOverridesOf, upsertOverrides, type StoredOverrides } from '../store/policy.ts';
import { insertTenant, lockTenant, renameTenant, type StoredTenant } from '../store/tenant.ts';

/** Who changes a tenant, and in which trace. */
export interface Changer {
  readonly tenantId: string;
  readonly userId: string;
  readonly traceId: string;
}

/** A tenant as the API shows it, with what holds for it by what was just read. */
export function shownTenant(tenant: StoredTenant, stored: StoredOverrides | undefined, policies: Policies): Tenant {
  const { settings, origins } = policies.shown(tenant.tenantId, stored);
  return {
    id: tenant.tenantId,
    name: tenant.name,
    policy: settings,
    origins,
    overrides: stored?.overrides ?? {},
    in_file: policies.inFile(tenant.tenantId),
    updated_by: stored?.updatedBy ?? null,
    updated_at: stored?.updatedAt.toISOString() ?? null,
    created_at: tenant.createdAt.toISOString(),
  };
}

/** Makes a tenant, with its audit row. Throws `conflict` where there is one of this id, and `invalid_request` for patterns that are none. */
export async function makeTenant(
  database: Database,
  policies: Policies,
  changer: Changer,
  { id, name = id, overrides = {} }: TenantInput,
): Promise<Tenant> {
  requirePatterns(overrides, 'overrides');
  return change(database, policies, changer, id, async (tx) => {
    if (!(await insertTenant(tx, id, name))) throw new ReeveError('conflict', `there is a tenant ${id} already`);
    await upsertOverrides(tx, id, overrides, shownUser(changer));
    return { made: true, name, overrides };
  });
}

/** Renames a tenant and changes its overrides, with its audit row. Throws `not_found`, and `invalid_request` for patterns that are none. */
export async function changeTenant(
  database: Database,
  policies: Policies,
  changer: Changer,
  tenantId: string,
  { name, overrides }: TenantPatch,
): Promise<Tenant> {
  requirePatterns(overrides ?? {}, 'overrides');
  return change(database, policies, changer, tenantId, async (tx) => {
    const tenant = await required(tx, tenantId);
    if (name !== undefined && name !== tenant.name) await renameTenant(tx, tenantId, name);
    if (overrides === undefined) return { name };
    const [before] = await selectOverridesOf(tx, [tenantId]);
    const after = changeSettings(before?.overrides ?? {}, overrides);
    await upsertOverrides(tx, tenantId, after, shownUser(changer));
    return { name, overrides: after };
  });
}

/** Sets all overrides of a tenant at once, with its audit row; `{}` takes them all away. Throws as `changeTenant` does. */
export async function setOverrides(
  database: Database,
  policies: Policies,
  changer: Changer,
  tenantId: string,
  overrides: TenantSettings,
): Promise<Tenant> {
  requirePatterns(overrides);
  return change(database, policies, changer, tenantId, async (tx) => {
    await required(tx, tenantId);
    // What is given as nothing, such as an empty mapping, is nothing.
    const kept = changeSettings({}, overrides);
    await upsertOverrides(tx, tenantId, kept, shownUser(changer));
    return { overrides: kept };
  });
}

/** The audit row belongs to the tenant that is changed, whoever changed it. */
async function change(
  database: Database,
  policies: Policies,
  changer: Changer,
  tenantId: string,
  work: (tx: Tx) => Promise<Readonly<Record<string, unknown>>>,
): Promise<Tenant> {
  const changed = await database.db.transaction().execute(async (tx) => {
    const details = { ...(await work(tx)), ...(changer.tenantId !== tenantId && { by_tenant: changer.tenantId }) };
    await recordAudit(tx, [
      { tenantId, actor: changer.userId, traceId: changer.traceId, action: 'TENANT_CHANGED', details },
    ]);
    const [stored] = await selectOverridesOf(tx, [tenantId]);
    return { tenant: await required(tx, tenantId), stored };
  });
  await policies.changed();
  return shownTenant(changed.tenant, changed.stored, policies);
}

async function required(tx: Tx, tenantId: string): Promise<StoredTenant> {
  const tenant = await lockTenant(tx, tenantId);
  if (tenant === undefined) throw new ReeveError('not_found', `there is no tenant ${tenantId}`);
  return tenant;
}

/** A tenant sees who set its overrides, and that it was none of its own. */
function shownUser({ tenantId, userId }: Changer): string {
  return tenantId === DEFAULT_TENANT ? `${DEFAULT_TENANT}/${userId}` : userId;
}
