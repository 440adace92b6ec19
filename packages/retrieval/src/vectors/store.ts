import type { Db, Tx } from '@reeve/db';
import { sql } from 'kysely';
import { EMBEDDING_INPUT_VERSION } from './embedding-input.ts';

/** A lexical space in which an embedding space has entries to look at. */
export interface PendingSpace {
  readonly embeddingId: number;
  readonly tenantId: string;
  readonly model: string;
  readonly spaceId: number;
  readonly kind: string;
}

/** All of them, by embedding space. */
export async function selectPending(db: Db): Promise<PendingSpace[]> {
  const { rows } = await sql<PendingSpace>`
    select e.id as "embeddingId", e.tenant_id as "tenantId", e.model, s.id as "spaceId", s.kind
    from embedding_spaces e join lexical_spaces s on s.tenant_id = e.tenant_id
    left join embedding_progress p on p.embedding_id = e.id and p.space_id = s.id
    where e.state <> 'retired' and e.revision = ${EMBEDDING_INPUT_VERSION} and s.next_entry > coalesce(p.until, 0) + 1
    order by e.id, s.id`.execute(db);
  return rows;
}

/** An entry of the lexical index that is to have a vector. */
export interface PendingEntry {
  readonly entry: number;
  readonly ref: string;
}

/** The next entries, and how far those before were done; `end`: how far it is once these are. */
export async function selectNextEntries(
  tx: Tx,
  { embeddingId, spaceId, tenantId }: PendingSpace,
  limit: number,
): Promise<{ from: number; end: number; entries: PendingEntry[] }> {
  const { rows: places } = await sql<{ from: number; last: number }>`
    select coalesce(p.until, 0) as from, s.next_entry - 1 as last
    from lexical_spaces s left join embedding_progress p on p.space_id = s.id and p.embedding_id = ${embeddingId}
    where s.id = ${spaceId} and s.tenant_id = ${tenantId}`.execute(tx);
  const [place] = places;
  if (place === undefined) return { from: 0, end: 0, entries: [] };
  const { from, last } = place;
  const { rows: entries } = await sql<PendingEntry>`
    select entry, ref from lexical_entries
    where space_id = ${spaceId} and tenant_id = ${tenantId} and entry > ${from} and entry <= ${last}
    order by entry limit ${limit}`.execute(tx);
  return { from, end: entries.length < limit ? last : entries.at(-1)!.entry, entries };
}

/** Hashes of the texts that have a vector, by their names. */
export async function selectHashes(
  tx: Tx,
  { embeddingId, spaceId, tenantId }: PendingSpace,
  refs: readonly string[],
): Promise<Map<string, string>> {
  const { rows } = await sql<{ ref: string; hash: string }>`
    select ref, hash from embeddings
    where tenant_id = ${tenantId} and space_id = ${spaceId} and embedding_id = ${embeddingId} and ref = any(${refs}::text[])`.execute(
    tx,
  );
  return new Map(rows.map(({ ref, hash }) => [ref, hash]));
}

/** Vectors that other texts of the tenant have which say the same. */
export async function selectSame(
  tx: Tx,
  { embeddingId, tenantId }: PendingSpace,
  hashes: readonly string[],
): Promise<Map<string, Float32Array>> {
  const { rows } = await sql<{ hash: string; vector: Uint8Array }>`
    select distinct on (hash) hash, vector from embeddings
    where tenant_id = ${tenantId} and embedding_id = ${embeddingId} and hash = any(${hashes}::text[])
    order by hash`.execute(tx);
  return new Map(rows.map(({ hash, vector }) => [hash, fromBytes(vector)]));
}

/** Makes others who would change a lexical space wait; false where it is gone. */
export async function lockTexts(
  tx: Tx,
  { spaceId, tenantId }: { spaceId: number; tenantId: string },
): Promise<boolean> {
  const space = await tx
    .selectFrom('lexical_spaces')
    .select('id')
    .where('id', '=', spaceId)
    .where('tenant_id', '=', tenantId)
    .forUpdate()
    .executeTakeFirst();
  return space !== undefined;
}

/** Locks a lexical space and how far an embedding space has got in it, and answers that; undefined where the space is gone. */
export async function lockProgress(
  tx: Tx,
  { embeddingId, spaceId, tenantId }: PendingSpace,
): Promise<number | undefined> {
  if (!(await lockTexts(tx, { spaceId, tenantId }))) return undefined;
  const { rows } = await sql<{ until: number }>`
    insert into embedding_progress (embedding_id, space_id, tenant_id) values (${embeddingId}, ${spaceId}, ${tenantId})
    on conflict (embedding_id, space_id) do update set until = embedding_progress.until
    returning until`.execute(tx);
  return rows[0]!.until;
}

/** The length of an embedding space's vectors, which is from now on this one where it had none. */
export async function ensureDimensions(tx: Tx, embeddingId: number, dimensions: number): Promise<number> {
  const { rows } = await sql<{ dimensions: number }>`
    update embedding_spaces set dimensions = coalesce(dimensions, ${dimensions}::int) where id = ${embeddingId}
    returning dimensions`.execute(tx);
  return rows[0]!.dimensions;
}

/** A vector to store, with the entry that its text was read by. */
export interface NewVector extends PendingEntry {
  readonly hash: string;
  readonly vector: Float32Array;
}

/** Stores the vectors of entries that are still there, and how far that is. */
export async function storeVectors(
  tx: Tx,
  { embeddingId, spaceId, tenantId }: PendingSpace,
  until: number,
  vectors: readonly NewVector[],
): Promise<void> {
  await sql`
    with old as (
      select version + 1 as version from embedding_progress where embedding_id = ${embeddingId} and space_id = ${spaceId}
    ), stored as (
      insert into embeddings (space_id, ref, embedding_id, tenant_id, hash, changed, vector)
      select ${spaceId}::int, v.ref, ${embeddingId}::int, ${tenantId}, v.hash, old.version, decode(v.vector, 'hex')
      from unnest(${vectors.map(({ entry }) => entry)}::int[], ${vectors.map(({ ref }) => ref)}::text[],
        ${vectors.map(({ hash }) => hash)}::text[], ${vectors.map(({ vector }) => toBytes(vector).toString('hex'))}::text[])
        as v(entry, ref, hash, vector)
      join lexical_entries e on e.space_id = ${spaceId} and e.entry = v.entry and e.ref = v.ref and e.tenant_id = ${tenantId}
      cross join old
      on conflict (space_id, ref, embedding_id) do update set hash = excluded.hash, changed = excluded.changed, vector = excluded.vector
      returning xmax = 0 as added
    )
    update embedding_progress set until = ${until}, version = old.version,
      vectors = vectors + (select count(*) from stored where added)
    from old where embedding_id = ${embeddingId} and space_id = ${spaceId}`.execute(tx);
}

/** What a copy of a space's vectors is measured by. */
export interface VectorState {
  readonly spaceId: number;
  readonly version: number;
  readonly vectors: number;
  /** This transaction has changed them, and may yet take that back. */
  readonly isOwn: boolean;
}

/** Of those spaces that have any. */
export async function selectStates(
  tx: Tx,
  tenantId: string,
  embeddingId: number,
  spaceIds: readonly number[],
): Promise<VectorState[]> {
  const { rows } = await sql<VectorState>`
    select space_id as "spaceId", version, vectors,
      coalesce(xmin = pg_current_xact_id_if_assigned()::xid, false) as "isOwn"
    from embedding_progress
    where tenant_id = ${tenantId} and embedding_id = ${embeddingId} and space_id = any(${spaceIds}::int[]) and vectors > 0
    order by space_id`.execute(tx);
  return rows;
}

export interface VectorRow {
  readonly ref: string;
  readonly changed: number;
  readonly vector: Uint8Array;
}

/** The next vectors of a space behind a place, by when they changed. */
export async function selectChanged(
  tx: Tx,
  of: { tenantId: string; embeddingId: number; spaceId: number },
  after: { changed: number; ref: string },
  limit: number,
): Promise<VectorRow[]> {
  const { rows } = await sql<VectorRow>`
    select ref, changed, vector from embeddings
    where tenant_id = ${of.tenantId} and embedding_id = ${of.embeddingId} and space_id = ${of.spaceId}
      and (changed, ref) > (${after.changed}::bigint, ${after.ref})
    order by changed, ref limit ${limit}`.execute(tx);
  return rows;
}

/** How many vectors of spaces have changed behind a version of theirs, by space; at most `limit` of each are counted. */
export async function countChanged(
  tx: Tx,
  { id, tenantId }: { id: number; tenantId: string },
  spaces: readonly { readonly spaceId: number; readonly version: number }[],
  limit: number,
): Promise<Map<number, number>> {
  const { rows } = await sql<{ spaceId: number; count: number }>`
    select s.id as "spaceId", (
      select count(*) from (
        select from embeddings v
        where v.tenant_id = ${tenantId} and v.embedding_id = ${id} and v.space_id = s.id and v.changed > s.version
        limit ${limit}
      ) counted
    )::int as count
    from unnest(${spaces.map(({ spaceId }) => spaceId)}::int[], ${spaces.map(({ version }) => version)}::bigint[]) as s(id, version)`.execute(
    tx,
  );
  return new Map(rows.map(({ spaceId, count }) => [spaceId, count]));
}

/** The names of all texts of a space that have a vector. */
export async function selectRefs(
  tx: Tx,
  of: { tenantId: string; embeddingId: number; spaceId: number },
): Promise<string[]> {
  const { rows } = await sql<{ ref: string }>`
    select ref from embeddings
    where tenant_id = ${of.tenantId} and embedding_id = ${of.embeddingId} and space_id = ${of.spaceId}`.execute(tx);
  return rows.map(({ ref }) => ref);
}

function toBytes(vector: Float32Array): Buffer {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
}

/** Copies: a driver's bytes may begin anywhere. */
export function fromBytes(bytes: Uint8Array): Float32Array {
  return new Float32Array(new Uint8Array(bytes).buffer);
}
