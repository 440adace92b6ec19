import { likeText, type Db } from '@reeve/db';

/** A tenant, as it is stored. */
export interface StoredTenant {
  readonly tenantId: string;
  readonly name: string;
  readonly createdAt: Date;
}

const COLUMNS = ['tenant_id as tenantId', 'name', 'created_at as createdAt'] as const;

/** Adds a tenant; false where there is one already. */
export async function insertTenant(db: Db, tenantId: string, name: string): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('tenants')
    .values({ tenant_id: tenantId, name })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return Number(numInsertedOrUpdatedRows) > 0;
}

/** Adds those tenants that are not there. */
export async function insertTenants(db: Db, tenantIds: readonly string[]): Promise<void> {
  if (tenantIds.length === 0) return;
  await db
    .insertInto('tenants')
    .values(tenantIds.map((tenant_id) => ({ tenant_id, name: tenant_id })))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** A tenant, locked until the transaction ends, so that its changes come one after another. */
export function lockTenant(db: Db, tenantId: string): Promise<StoredTenant | undefined> {
  return db.selectFrom('tenants').select(COLUMNS).where('tenant_id', '=', tenantId).forNoKeyUpdate().executeTakeFirst();
}

export async function renameTenant(db: Db, tenantId: string, name: string): Promise<void> {
  await db.updateTable('tenants').set({ name }).where('tenant_id', '=', tenantId).execute();
}

/** A page of tenants by id: of all, or of one. `q` is part of the id or the name. */
export async function listTenants(
  db: Db,
  only: string | undefined,
  q: string | undefined,
  { limit, offset }: { limit: number; offset: number },
): Promise<{ tenants: StoredTenant[]; total: number }> {
  let found = db.selectFrom('tenants');
  if (only !== undefined) found = found.where('tenant_id', '=', only);
  if (q !== undefined)
    found = found.where((is) => is.or([is('tenant_id', 'ilike', likeText(q)), is('name', 'ilike', likeText(q))]));
  const tenants = await found.select(COLUMNS).orderBy('tenant_id').limit(limit).offset(offset).execute();
  const { total } = await found.select(({ fn }) => fn.countAll<number>().as('total')).executeTakeFirstOrThrow();
  return { tenants, total };
}

/** Every tenant there is. */
export async function selectTenantIds(db: Db): Promise<string[]> {
  const rows = await db.selectFrom('tenants').select('tenant_id').orderBy('tenant_id').execute();
  return rows.map(({ tenant_id }) => tenant_id);
}
