import { now, type Db, type Tx } from '@reeve/db';
import { sql } from 'kysely';
import type { ExternalMemoryInput } from './client.ts';

/** A memory that the backend is to be told of. */
export interface PendingMemory {
  readonly id: string;
  /** What had become of it when it was read: a later one makes it pending again. */
  readonly change: number;
  /** It may be there already. */
  readonly sent: boolean;
  /** Where it is there, as text; null where nobody knows, or it is not. */
  readonly coordinate: string | null;
  readonly attempts: number;
}

/** Notes memories of a tenant that have no note yet, in the order of their ids, and answers the last one; undefined where there are no more. */
export async function insertUnnoted(
  tx: Tx,
  tenantId: string,
  after: string | undefined,
  limit: number,
): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    with next as (
      select id from memories where tenant_id = ${tenantId} and (${after ?? null}::uuid is null or id > ${after ?? null}::uuid)
      order by id limit ${limit}
    ), noted as (
      insert into external_memories (memory_id, tenant_id) select id, ${tenantId} from next order by id on conflict do nothing
    )
    select id from next order by id desc limit 1`.execute(tx);
  return rows[0]?.id;
}

/** Which of the memories that the backend is to be told of. */
export interface PendingWanted {
  readonly limit: number;
  /** By when they were due; the oldest unless said. */
  readonly first?: 'oldest' | 'newest';
}

/**
 * The next memories that the backend is to be told of, those that failed before last. They are locked; one that another transaction has
 * locked is left out: who waits for nobody is in no deadlock with one that changes several memories.
 */
export async function selectPending(
  tx: Tx,
  tenantId: string,
  { limit, first }: PendingWanted,
): Promise<PendingMemory[]> {
  const order = first === 'newest' ? 'desc' : 'asc';
  const next = (attempts: '=' | '>', count: number) =>
    tx
      .selectFrom('external_memories')
      .select(['memory_id as id', 'change', 'sent', 'coordinate', 'attempts'])
      .where('tenant_id', '=', tenantId)
      .where('pending', '=', true)
      .where('due_at', '<=', now)
      .where('attempts', attempts, 0)
      .orderBy('due_at', order)
      .orderBy('memory_id', order)
      .limit(count)
      .forUpdate()
      .skipLocked()
      .execute();
  // One query, ordered by both, would sort all there are.
  const fresh = await next('=', limit);
  return fresh.length === limit ? fresh : [...fresh, ...(await next('>', limit - fresh.length))];
}

/** Those of some memories that are there and whose time is not over. */
export async function selectMemoriesToSend(
  tx: Tx,
  tenantId: string,
  ids: readonly string[],
): Promise<Map<string, ExternalMemoryInput>> {
  const { rows } = await sql<
    Omit<ExternalMemoryInput, 'created_at' | 'ttlS'> & { created_at: Date; ttl_s: number | null }
  >`
    select id, text, tags, persona_id, superseded_by, created_at,
      ceil(extract(epoch from expires_at - reeve_now()))::float8 as ttl_s
    from memories
    where tenant_id = ${tenantId} and id = any(${ids}::uuid[]) and (expires_at is null or expires_at > reeve_now())`.execute(
    tx,
  );
  return new Map(
    rows.map(({ created_at: createdAt, ttl_s: ttlS, ...row }) => [
      row.id,
      { ...row, created_at: createdAt.toISOString(), ttlS },
    ]),
  );
}

/** Says of memories that they may be there from now on. They are locked already. */
export async function updateSent(tx: Tx, ids: readonly string[]): Promise<void> {
  if (ids.length > 0)
    await tx
      .updateTable('external_memories')
      .set({ sent: true })
      .where('memory_id', 'in', [...ids])
      .execute();
}

/**
 * Says where a memory is there. It stays pending where something has become of it since, also where that was told by another process: what
 * was told last may not be what arrived last.
 */
export async function updateStored(
  tx: Tx,
  tenantId: string,
  { id, change }: Pick<PendingMemory, 'id' | 'change'>,
  coordinate: string,
): Promise<void> {
  await sql`
    insert into external_memories as known (memory_id, tenant_id, sent, coordinate) values (${id}, ${tenantId}, true, ${coordinate})
    on conflict (memory_id) do update
      set sent = true, coordinate = excluded.coordinate, attempts = 0, pending = known.change <> ${change}`.execute(tx);
}

/** Says where a memory is there that is yet to be deleted. */
export async function updateCoordinate(tx: Tx, id: string, coordinate: string): Promise<void> {
  await tx.updateTable('external_memories').set({ coordinate }).where('memory_id', '=', id).execute();
}

/** Says of a memory that is gone here that it is gone there. */
export async function deleteNote(tx: Tx, { id, change }: Pick<PendingMemory, 'id' | 'change'>): Promise<void> {
  await tx.deleteFrom('external_memories').where('memory_id', '=', id).where('change', '=', change).execute();
}

/** Leaves a memory alone for a while, unless something has become of it since. */
export async function updateFailed(
  tx: Tx,
  { id, change }: Pick<PendingMemory, 'id' | 'change'>,
  restMs: number,
): Promise<void> {
  await sql`
    update external_memories set attempts = attempts + 1, due_at = reeve_now() + ${restMs}::float8 * interval '1 ms'
    where memory_id = ${id} and change = ${change}`.execute(tx);
}

/** Lets some memories, of whatever tenants, be tried again now. One that is being changed just now is due by that. */
export async function hurryFailed(db: Db, ids: readonly string[]): Promise<void> {
  await sql`
    update external_memories set due_at = reeve_now()
    where memory_id in (
      select memory_id from external_memories
      where memory_id = any(${ids}::uuid[]) and pending and due_at > reeve_now()
      order by memory_id for update skip locked
    )`.execute(db);
}

/** How many memories of all tenants the backend is to be told of. */
export async function countPending(db: Db, target: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from external_memories e
    where pending and exists (select from external_stores s where s.tenant_id = e.tenant_id and s.enabled and s.target = ${target})`.execute(
    db,
  );
  return rows[0]!.count;
}

/** Those of some memories that the backend has as they are now. */
export async function selectInStep(tx: Tx, tenantId: string, ids: readonly string[]): Promise<Set<string>> {
  const { rows } = await sql<{ id: string }>`
    select memory_id as id from external_memories
    where tenant_id = ${tenantId} and memory_id = any(${ids}::uuid[]) and not pending`.execute(tx);
  return new Set(rows.map(({ id }) => id));
}
