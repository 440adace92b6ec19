import { createHash } from 'node:crypto';
import type { Db, Tx } from '@reeve/db';
import { sql } from 'kysely';

/** The stored fields of a chunk. */
export interface StoredChunk {
  readonly id: string;
  readonly text: string;
  readonly headings: readonly string[];
}

/** The position of a chunk in a version. */
export interface ChunkPosition {
  readonly chunkId: string;
  readonly position: number;
  readonly page: number | null;
}

export async function insertChunks(db: Db, tenantId: string, chunks: readonly StoredChunk[]): Promise<void> {
  if (chunks.length === 0) return;
  await db
    .insertInto('chunks')
    .values(chunks.map(({ id, text, headings }) => ({ id, tenant_id: tenantId, text, headings: [...headings] })))
    .execute();
}

export async function insertChunkPositions(
  db: Db,
  tenantId: string,
  versionId: string,
  places: readonly ChunkPosition[],
): Promise<void> {
  await sql`
    insert into chunk_places (version_id, tenant_id, position, chunk_id, page)
    select ${versionId}::uuid, ${tenantId}, position, chunk_id, page
    from unnest(${places.map(({ position }) => position)}::int[], ${places.map(({ chunkId }) => chunkId)}::uuid[],
      ${places.map(({ page }) => page)}::int[]) as p(position, chunk_id, page)`.execute(db);
}

/** Keys that identify chunks of equal content. */
export function chunkKey({ text, headings }: Pick<StoredChunk, 'text' | 'headings'>): string {
  return JSON.stringify([headings, createHash('sha256').update(text).digest('hex')]);
}

/** Some chunks of a version behind a place, by `chunkKey`. */
export async function selectKeys(
  db: Db,
  versionId: string,
  after: number,
  limit: number,
): Promise<{ id: string; key: string; position: number }[]> {
  const { rows } = await sql<{ id: string; position: number; headings: string[]; hash: string }>`
    select c.id, p.position, c.headings, encode(sha256(convert_to(c.text, 'UTF8')), 'hex') as hash
    from chunk_places p join chunks c on c.id = p.chunk_id
    where p.version_id = ${versionId} and p.position > ${after}
    order by p.position limit ${limit}`.execute(db);
  return rows.map(({ id, position, headings, hash }) => ({ id, position, key: JSON.stringify([headings, hash]) }));
}

/** Removes some places of versions; answers how many, and the chunks that no version has any more. */
export async function deleteChunkPositions(
  tx: Tx,
  versionIds: readonly string[],
  limit: number,
): Promise<{ count: number; unshared: string[] }> {
  const { rows } = await sql<{ id: string; shared: boolean }>`
    with gone as (
      delete from chunk_places where (version_id, position) in (
        select version_id, position from chunk_places where version_id = any(${[...versionIds]}::uuid[]) limit ${limit}
      ) returning version_id, position, chunk_id
    )
    select chunk_id as id, exists (
      select from chunk_places p where p.chunk_id = gone.chunk_id
        and (p.version_id, p.position) not in (select version_id, position from gone)
    ) as shared from gone`.execute(tx);
  return { count: rows.length, unshared: rows.filter(({ shared }) => !shared).map(({ id }) => id) };
}

export async function deleteChunks(db: Db, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await sql`delete from chunks where id = any(${[...ids]}::uuid[])`.execute(db);
}

/** Versions that no document has, of one space. */
export interface UnreferencedVersions {
  readonly tenantId: string;
  readonly spaceId: number;
  readonly ids: string[];
}

/** Inserts a version without a document: in storage for the given time, or to be removed if that is 0. */
export async function insertUnreferenced(
  db: Db,
  { id, tenantId, spaceId, title }: { id: string; tenantId: string; spaceId: number; title: string | null },
  heldMs: number,
): Promise<void> {
  await sql`
    insert into unreferenced_versions (id, tenant_id, space_id, title, held_until)
    values (${id}, ${tenantId}, ${spaceId}, ${title}, ${heldUntil(heldMs)})`.execute(db);
}

/** Leaves all versions of a persona's documents to be removed, and those that are being stored for it. */
export async function unreferenceVersions(
  db: Db,
  { tenantId, personaId, spaceIds }: { tenantId: string; personaId: string; spaceIds: readonly number[] },
): Promise<void> {
  await sql`update unreferenced_versions set held_until = '-infinity'
    where tenant_id = ${tenantId} and space_id = any(${[...spaceIds]}::int[])`.execute(db);
  await sql`
    insert into unreferenced_versions (id, tenant_id, space_id, held_until)
    select version_id, tenant_id, 0, '-infinity' from documents
    where tenant_id = ${tenantId} and persona_id = ${personaId}`.execute(db);
}

/** Extends the storing of a version, or leaves it to be removed if the time is 0; false if it is being removed. */
export async function holdUnreferenced(db: Db, id: string, heldMs: number): Promise<boolean> {
  const { rows } = await sql`
    update unreferenced_versions set held_until = ${heldUntil(heldMs)} where id = ${id} and held_until > reeve_now()
    returning id`.execute(db);
  return rows.length === 1;
}

/** Attaches a complete version to a document; false if it is being removed. */
export async function takeUnreferenced(db: Db, id: string): Promise<boolean> {
  const { rows } = await sql`
    delete from unreferenced_versions where id = ${id} and held_until > reeve_now() returning id`.execute(db);
  return rows.length === 1;
}

/** Some of the versions that are to be removed, by tenant and space. */
export async function selectRemovable(
  db: Db,
  tenantId: string | undefined,
  limit: number,
): Promise<UnreferencedVersions[]> {
  const { rows } = await sql<UnreferencedVersions>`
    select tenant_id as "tenantId", space_id as "spaceId", array_agg(id) as ids from (
      select id, tenant_id, space_id from unreferenced_versions
      where held_until <= reeve_now() and (${tenantId ?? null}::text is null or tenant_id = ${tenantId ?? null})
      order by held_until limit ${limit}
    ) removable group by tenant_id, space_id`.execute(db);
  return rows;
}

/** Keeps the writers of these versions from continuing. */
export async function fenceUnreferenced(db: Db, ids: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    update unreferenced_versions set held_until = '-infinity'
    where id = any(${[...ids]}::uuid[]) and held_until <= reeve_now() returning id`.execute(db);
  return rows.map(({ id }) => id);
}

export async function deleteUnreferenced(db: Db, ids: readonly string[]): Promise<void> {
  await sql`delete from unreferenced_versions where id = any(${[...ids]}::uuid[])`.execute(db);
}

function heldUntil(ms: number) {
  return ms === 0 ? sql`'-infinity'::timestamptz` : sql`reeve_now() + ${ms}::float8 * interval '1 millisecond'`;
}
