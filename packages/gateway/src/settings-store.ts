import { json, now, type Tx } from '@reeve/db';

/** A setting that a tenant changed. */
export interface Override {
  readonly name: string;
  readonly value: unknown;
  readonly updated_by: string;
  readonly updated_at: Date;
}

export function selectOverrides(tx: Tx, tenantId: string): Promise<Override[]> {
  return tx
    .selectFrom('settings')
    .select(['name', 'value', 'updated_by', 'updated_at'])
    .where('tenant_id', '=', tenantId)
    .execute();
}

export async function upsertOverride(
  tx: Tx,
  { tenantId, userId }: { readonly tenantId: string; readonly userId: string },
  name: string,
  value: unknown,
): Promise<void> {
  const changed = { value: json(value), updated_by: userId, updated_at: now };
  await tx
    .insertInto('settings')
    .values({ tenant_id: tenantId, name, ...changed })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'name']).doUpdateSet(changed))
    .execute();
}

export async function deleteOverride(tx: Tx, tenantId: string, name: string): Promise<void> {
  await tx.deleteFrom('settings').where('tenant_id', '=', tenantId).where('name', '=', name).execute();
}
