import { inTenant, type Db, type Tx } from '@reeve/db';
import { sql } from 'kysely';
import { innerProduct } from './matrix.ts';
import { mergeRankings, rankingOf, type SimilarText, type VectorRanking } from './ranking.ts';
import type { EmbeddingSpace } from './embedding-space.ts';
import { fromBytes, lockTexts, selectChanged, type VectorRow, type VectorState } from './store.ts';

/*
 * The exact scan of the database, by pgvector: for spaces whose copy in this process is not loaded yet, or has no room. It compares the
 * vectors of large spaces from a table of its own, `embedding_vectors`, which is filled behind the commits in the order in which they
 * changed, and loses its rows with theirs. What it has not yet, changed or new, is behind its last row: that is read and compared here.
 */

/** Of a page that is copied in one transaction, which others who would change the space wait for. */
const PAGE_BYTES = 2 ** 19;
/** Texts that are ranked at first; each further time four times as many. */
const FIRST_PAGE = 500;

interface Where {
  readonly tenantId: string;
  readonly embeddingId: number;
  readonly spaceId: number;
}

/** Ranks spaces by a vector of length 1; undefined where more than `lateBytes` of all are still to be copied. */
export async function rankInDatabase(
  tx: Tx,
  schema: string,
  embedding: EmbeddingSpace,
  spaces: readonly VectorState[],
  query: Float32Array,
  lateBytes: number,
): Promise<VectorRanking | undefined> {
  const { tenantId, id: embeddingId, dimensions } = embedding;
  let most = Math.floor(lateBytes / Float32Array.BYTES_PER_ELEMENT / dimensions!);
  const late: VectorRow[] = [];
  for (const { spaceId } of spaces) {
    const where = { tenantId, embeddingId, spaceId };
    const rows = await selectChanged(tx, where, await selectLast(tx, where), most + 1);
    if (rows.length > most) return undefined;
    most -= rows.length;
    late.push(...rows);
  }
  const refs = late.map(({ ref }) => ref);
  const read = rankingOf([{ refs, scores: late.map(({ vector }) => innerProduct(fromBytes(vector), 0, query)) }]);
  const size = spaces.reduce((sum, { vectors }) => sum + vectors, 0) - late.length;
  const spaceIds = spaces.map(({ spaceId }) => spaceId);
  const next = (after: SimilarText | undefined, limit: number) =>
    selectNearest(tx, schema, { tenantId, embeddingId, spaceIds }, query, after, limit);
  return mergeRankings(read, pagesOf(size, next, new Set(refs)));
}

/** A ranking that is asked for when it is needed; those `left` out are another one's. */
function pagesOf(
  size: number,
  next: (after: SimilarText | undefined, limit: number) => Promise<SimilarText[]>,
  left: ReadonlySet<string>,
): VectorRanking {
  let ready: SimilarText[] = [];
  let after: SimilarText | undefined;
  let isMore = true;
  let limit = FIRST_PAGE;
  return {
    size,
    async take(count) {
      while (ready.length < count && isMore) {
        const page = await next(after, limit);
        isMore = page.length === limit;
        after = page.at(-1);
        limit *= 4;
        ready = [...ready, ...page.filter(({ ref }) => !left.has(ref))];
      }
      return ready.splice(0, count);
    },
  };
}

async function selectNearest(
  tx: Tx,
  schema: string,
  of: { tenantId: string; embeddingId: number; spaceIds: readonly number[] },
  query: Float32Array,
  after: SimilarText | undefined,
  limit: number,
): Promise<SimilarText[]> {
  // The inner product of vectors of length 1 is the cosine; the operator answers its negative, so that the nearest come first.
  const { rows } = await sql<{ ref: string; distance: number }>`
    select ref, distance from (
      select ref, vector operator(${sql.id(schema)}.<#>) ${realArray(query)}::real[]::${typeIn(schema)} as distance
      from embedding_vectors
      where tenant_id = ${of.tenantId} and embedding_id = ${of.embeddingId} and space_id = any(${of.spaceIds}::int[])
    ) compared
    ${after === undefined ? sql`` : sql`where distance > ${-after.score}::float8 or (distance = ${-after.score}::float8 and ref < ${after.ref})`}
    order by distance, ref desc limit ${limit}`.execute(tx);
  return rows.map(({ ref, distance }) => ({ ref, score: -distance }));
}

/** How far a space has been copied. */
async function selectLast(
  db: Db,
  { tenantId, embeddingId, spaceId }: Where,
): Promise<{ changed: number; ref: string }> {
  const { rows } = await sql<{ changed: number; ref: string }>`
    select changed, ref from embedding_vectors
    where tenant_id = ${tenantId} and embedding_id = ${embeddingId} and space_id = ${spaceId}
    order by changed desc, ref desc limit 1`.execute(db);
  return rows[0] ?? { changed: 0, ref: '' };
}

/** Copies what is new in spaces of more than `least` bytes, until nothing is left. */
export async function copyVectors(db: Db, schema: string, least: number, signal: AbortSignal): Promise<void> {
  const { rows } = await sql<Where & { dimensions: number }>`
    select p.tenant_id as "tenantId", p.embedding_id as "embeddingId", p.space_id as "spaceId", e.dimensions
    from embedding_progress p join embedding_spaces e on e.id = p.embedding_id
    left join lateral (
      select changed, ref from embedding_vectors v where v.embedding_id = p.embedding_id and v.space_id = p.space_id
      order by changed desc, ref desc limit 1
    ) last on true
    where e.state <> 'retired' and p.vectors::bigint * e.dimensions * 4 > ${least} and exists (
      select from embeddings v where v.embedding_id = p.embedding_id and v.space_id = p.space_id
        and (v.changed, v.ref) > (coalesce(last.changed, 0), coalesce(last.ref, ''))
    )`.execute(db);
  for (const { dimensions, ...where } of rows)
    while (!signal.aborted && (await inTenant(db, where.tenantId, (tx) => copyPage(tx, schema, where, dimensions))));
}

/** Copies the next vectors of a space; answers whether there were any. */
async function copyPage(tx: Tx, schema: string, where: Where, dimensions: number): Promise<boolean> {
  const { tenantId, embeddingId, spaceId } = where;
  if (!(await lockTexts(tx, where))) return false;
  // What is retired is being removed by somebody who takes no turns.
  const { rows: wanted } = await sql`
    select id from embedding_spaces where id = ${embeddingId} and state <> 'retired' for share`.execute(tx);
  if (wanted.length === 0) return false;
  const limit = Math.ceil(PAGE_BYTES / Float32Array.BYTES_PER_ELEMENT / dimensions);
  const rows = await selectChanged(tx, where, await selectLast(tx, where), limit);
  if (rows.length === 0) return false;
  const numbers = new Float32Array(rows.length * dimensions);
  for (const [index, { vector }] of rows.entries()) numbers.set(fromBytes(vector), index * dimensions);
  await sql`
    insert into embedding_vectors (space_id, ref, embedding_id, tenant_id, changed, vector)
    select ${spaceId}::int, v.ref, ${embeddingId}::int, ${tenantId}, v.changed,
      (n.numbers[(v.place - 1) * ${dimensions}::int + 1 : v.place * ${dimensions}::int])::${typeIn(schema)}
    from (select ${realArray(numbers)}::real[] as numbers offset 0) n,
      unnest(${rows.map(({ ref }) => ref)}::text[], ${rows.map(({ changed }) => changed)}::bigint[])
        with ordinality as v(ref, changed, place)
    on conflict (space_id, ref, embedding_id) do update set changed = excluded.changed, vector = excluded.vector`.execute(
    tx,
  );
  return true;
}

function typeIn(schema: string) {
  return sql`${sql.id(schema)}.vector`;
}

const REAL = 700;

/** Numbers as a parameter in the binary form of `real[]`, since reading their text takes the database a hundred times as long. */
function realArray(numbers: Float32Array): Buffer {
  const bytes = Buffer.alloc(20 + numbers.length * 8);
  // One dimension, no nulls, the type, the length, the first index.
  for (const [index, value] of [1, 0, REAL, numbers.length, 1].entries()) bytes.writeInt32BE(value, index * 4);
  for (const [index, number] of numbers.entries()) {
    bytes.writeInt32BE(4, 20 + index * 8);
    bytes.writeFloatBE(number, 24 + index * 8);
  }
  return bytes;
}
