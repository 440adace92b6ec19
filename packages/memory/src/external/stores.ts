import { hold, inTenant, isLockTimeout, release, type Db, type Tx } from '@reeve/db';
import { sql } from 'kysely';

/*
 * A tenant's memories in the external backend
 *
 *   (none) ──adopt──► being filled: what was remembered before is noted ──► filled: what becomes of memories is noted with it
 *   filled ──another backend is adopted──► being filled; what the former one has is forgotten about
 *   any ──a process without a backend starts──► disabled ──adopt──► being filled; everything is told again
 */

/** Makes a backend the one that a tenant's memories are brought to. */
export async function adoptStore(tx: Tx, tenantId: string, target: string): Promise<void> {
  await tx
    .insertInto('external_stores')
    .values({ tenant_id: tenantId, target })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const store = await tx
    .selectFrom('external_stores')
    .select(['target', 'enabled'])
    .where('tenant_id', '=', tenantId)
    .forUpdate()
    .executeTakeFirstOrThrow();
  if (store.target === target && store.enabled) return;
  // In the order in which triggers lock them: two that lock many rows in different orders wait for each other.
  await sql`
    select count(*) from (
      select from external_memories where tenant_id = ${tenantId} order by memory_id for update
    ) as locked`.execute(tx);
  if (store.target === target)
    await sql`
      update external_memories set pending = true, change = change + 1, attempts = 0, due_at = reeve_now()
      where tenant_id = ${tenantId}`.execute(tx);
  else await tx.deleteFrom('external_memories').where('tenant_id', '=', tenantId).execute();
  await tx
    .updateTable('external_stores')
    .set({ target, enabled: true, filled: false, holder: null, held_until: null })
    .where('tenant_id', '=', tenantId)
    .execute();
}

/** Stops noting what becomes of memories, of all tenants. What the backend has is known all the same. */
export async function disableStores(db: Db): Promise<void> {
  await db
    .updateTable('external_stores')
    .set({ enabled: false, holder: null, held_until: null })
    .where('enabled', '=', true)
    .execute();
}

/**
 * True once no transaction is left that began to write memories before, and so may not have noted them; false where one takes longer than
 * two seconds more: whoever else wants to write waits meanwhile.
 */
export async function awaitWriters(db: Db): Promise<boolean> {
  try {
    await db.transaction().execute(async (tx) => {
      await sql`set local lock_timeout = '2s'`.execute(tx);
      await sql`lock table memories in share mode`.execute(tx);
    });
    return true;
  } catch (error) {
    if (isLockTimeout(error)) return false;
    throw error;
  }
}

/** Tenants that have no store yet, or one of another backend, or a disabled one. */
export async function selectUnadopted(db: Db, target: string): Promise<string[]> {
  const { rows } = await sql<{ tenant_id: string }>`
    select tenant_id from tenants t where not exists (
      select from external_stores s where s.tenant_id = t.tenant_id and s.target = ${target} and s.enabled
    )`.execute(db);
  return rows.map(({ tenant_id: tenantId }) => tenantId);
}

/** Tenants whose store is being filled. */
export async function selectUnfilled(db: Db, target: string): Promise<string[]> {
  const rows = await db
    .selectFrom('external_stores')
    .select('tenant_id')
    .where('target', '=', target)
    .where('enabled', '=', true)
    .where('filled', '=', false)
    .execute();
  return rows.map(({ tenant_id: tenantId }) => tenantId);
}

export async function updateFilled(tx: Tx, tenantId: string): Promise<void> {
  await tx.updateTable('external_stores').set({ filled: true }).where('tenant_id', '=', tenantId).execute();
}

/** A tenant of which a backend is to be told something now. */
export interface WaitingTenant {
  readonly tenantId: string;
  /** Something of it has not failed yet. */
  readonly isFresh: boolean;
}

/** Tenants of which a backend is to be told something now. */
export async function selectWaiting(db: Db, target: string): Promise<WaitingTenant[]> {
  const due = sql`select from external_memories e where e.tenant_id = s.tenant_id and e.pending and e.due_at <= reeve_now()`;
  const { rows } = await sql<{ tenant_id: string; is_fresh: boolean }>`
    select tenant_id, exists (${due} and e.attempts = 0) as is_fresh from external_stores s
    where target = ${target} and enabled and exists (${due})`.execute(db);
  return rows.map(({ tenant_id: tenantId, is_fresh: isFresh }) => ({ tenantId, isFresh }));
}

/** Who sends, of which backend. */
export interface Sender {
  readonly holder: string;
  readonly target: string;
  readonly holdMs: number;
}

/** Gives a tenant's store to one process for a while, or longer to the one that has it; false where another has, or another backend is wanted. */
export function holdStore(db: Db, tenantId: string, { target, ...sender }: Sender): Promise<boolean> {
  const wanted = sql<boolean>`tenant_id = ${tenantId} and target = ${target} and enabled`;
  return inTenant(db, tenantId, (tx) => hold(tx, 'external_stores', wanted, sender));
}

/** Lets others have a tenant's store at once. */
export function releaseStore(db: Db, tenantId: string, { holder }: Pick<Sender, 'holder'>): Promise<void> {
  return release(db, 'external_stores', sql`tenant_id = ${tenantId}`, holder);
}
