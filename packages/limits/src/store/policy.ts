import type { TenantSettings } from '@reeve/contract';
import { json, now, type Db } from '@reeve/db';

/** What was set for a tenant through the API, by whom and when. */
export interface StoredOverrides {
  readonly tenantId: string;
  readonly overrides: TenantSettings;
  readonly updatedBy: string;
  readonly updatedAt: Date;
}

/** What was set since a moment; all there is where none is given. */
export async function selectOverrides(db: Db, since?: Date): Promise<StoredOverrides[]> {
  let found = db.selectFrom('tenant_policies').select(['tenant_id', 'overrides', 'updated_by', 'updated_at']);
  if (since !== undefined) found = found.where('updated_at', '>', since);
  return (await found.execute()).map(fromRow);
}

/** What was set for these tenants. */
export async function selectOverridesOf(db: Db, tenantIds: readonly string[]): Promise<StoredOverrides[]> {
  if (tenantIds.length === 0) return [];
  const rows = await db
    .selectFrom('tenant_policies')
    .select(['tenant_id', 'overrides', 'updated_by', 'updated_at'])
    .where('tenant_id', 'in', [...tenantIds])
    .execute();
  return rows.map(fromRow);
}

export async function upsertOverrides(
  db: Db,
  tenantId: string,
  overrides: TenantSettings,
  updatedBy: string,
): Promise<void> {
  await db
    .insertInto('tenant_policies')
    .values({ tenant_id: tenantId, overrides: json(overrides), updated_by: updatedBy })
    .onConflict((conflict) =>
      conflict.column('tenant_id').doUpdateSet({ overrides: json(overrides), updated_by: updatedBy, updated_at: now }),
    )
    .execute();
}

interface Row {
  readonly tenant_id: string;
  readonly overrides: unknown;
  readonly updated_by: string;
  readonly updated_at: Date;
}

function fromRow({ tenant_id, overrides, updated_by, updated_at }: Row): StoredOverrides {
  return { tenantId: tenant_id, overrides: overrides as TenantSettings, updatedBy: updated_by, updatedAt: updated_at };
}
