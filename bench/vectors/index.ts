// How long it takes to compare a query with every vector of a tenant: in this process over its copy, and in the database by pgvector.
import { inTenant, openDatabase, type Database, type Tx } from '@reeve/db';
import { silentLog } from '@reeve/kit';
import { ensureTenant } from '@reeve/identity';
import { sql } from 'kysely';
import { ensureSpace, type Space } from '../../packages/retrieval/src/space.ts';
import { copyVectors } from '../../packages/retrieval/src/vectors/in-database.ts';
import { unit } from '../../packages/retrieval/src/vectors/matrix.ts';
import { openScanner, type Scanner } from '../../packages/retrieval/src/vectors/scan.ts';
import type { EmbeddingSpace } from '../../packages/retrieval/src/vectors/embedding-space.ts';
import { measured, percentile, type BenchOptions, type Measured, type Measurements } from '../measure.ts';
import { createPlace, kindsOf, type Kind } from '../place.ts';

const SIZES = [
  { count: 20_000, dimensions: 384 },
  { count: 40_000, dimensions: 1_536 },
];
const QUERIES = 30;
const BATCH = 500;
const tenantId = 'default';

export async function bench(options: BenchOptions): Promise<Measurements> {
  const figures: Record<string, Measured> = {};
  const ratios: Record<string, Measured> = {};
  for (const kind of kindsOf(options))
    for (const size of options.quick ? [{ count: 2_000, dimensions: 384 }] : SIZES)
      await measureSize(kind, size, figures, ratios);
  return { ratios, figures };
}

async function measureSize(
  kind: Kind,
  { count, dimensions }: { count: number; dimensions: number },
  figures: Record<string, Measured>,
  ratios: Record<string, Measured>,
): Promise<void> {
  await using place = await createPlace(kind);
  await using database = await openDatabase({ ...place, pool: 7, log: silentLog });
  await ensureTenant(database.db, tenantId);
  const at = `${count.toLocaleString('en-US')} × ${dimensions.toLocaleString('en-US')} on ${kind}`;
  const { embedding, space } = await fill(database, count, dimensions);
  await using own = openScanner(database.db, silentLog, { roomBytes: 2 ** 31 });
  const loading = await timed(async () => {
    while (!(await ask(database, own, embedding, space))) await new Promise((resolve) => setTimeout(resolve, 20));
  });
  figures[`${at}: loading the copy of the process`] = measured([loading / 1000], 's');
  const here: number[] = [];
  const there: number[] = [];
  const { vectors } = database;
  await using stored = openScanner(database.db, silentLog, { roomBytes: 0, vectors });
  if (vectors.available) {
    const copying = await timed(() => copyVectors(database.db, vectors.schema, 0, new AbortController().signal));
    figures[`${at}: copying for pgvector`] = measured([copying / 1000], 's');
  }
  for (let n = 0; n < QUERIES; n += 1) {
    here.push(await timed(() => ask(database, own, embedding, space)));
    if (vectors.available) there.push(await timed(() => ask(database, stored, embedding, space)));
  }
  for (const [name, times] of Object.entries({ 'this process': here, pgvector: there }))
    if (times.length > 0)
      for (const point of [50, 95]) figures[`${at}: ${name}, p${point}`] = measured([percentile(times, point)], 'ms');
  if (there.length > 0)
    ratios[`${at}: p50, pgvector / this process`] = measured([percentile(there, 50) / percentile(here, 50)], '×');
}

/** Asks for the best hundred of a random query; answers whether there was a ranking. */
async function ask({ db }: Database, scanner: Scanner, embedding: EmbeddingSpace, space: Space): Promise<boolean> {
  const query = random(embedding.dimensions!);
  return inTenant(db, tenantId, async (tx) => {
    const ranking = await scanner.rank(tx, embedding, [space], query);
    return ranking !== undefined && (await ranking.take(100)).length === 100;
  });
}

/** Vectors in the tables as the embedding of texts leaves them. */
async function fill({ db }: Database, count: number, dimensions: number) {
  const model = 'bench/random';
  const [id, space] = await inTenant(db, tenantId, async (tx) => {
    const space = await ensureSpace(tx, { tenantId, ownerId: null, kind: 'memory' });
    const { rows } = await sql<{ id: number }>`
      insert into embedding_spaces (tenant_id, model, revision, dimensions, state)
      values (${tenantId}, ${model}, 1, ${dimensions}, 'live') returning id`.execute(tx);
    await sql`insert into embedding_progress (embedding_id, space_id, tenant_id) values (${rows[0]!.id}, ${space.id}, ${tenantId})`.execute(
      tx,
    );
    return [rows[0]!.id, space] as const;
  });
  for (let from = 0; from < count; from += BATCH)
    await inTenant(db, tenantId, (tx) => add(tx, id, space.id, Math.min(BATCH, count - from), dimensions));
  await sql`analyze embeddings`.execute(db);
  const embedding: EmbeddingSpace = { id, tenantId, model, dimensions };
  return { embedding, space };
}

async function add(tx: Tx, embeddingId: number, spaceId: number, count: number, dimensions: number): Promise<void> {
  const vectors = Array.from({ length: count }, () => Buffer.from(random(dimensions).buffer).toString('hex'));
  await sql`update embedding_progress set version = version + 1, vectors = vectors + ${count}`.execute(tx);
  await sql`insert into embeddings (space_id, ref, embedding_id, tenant_id, hash, changed, vector)
    select ${spaceId}::int, gen_random_uuid()::text, ${embeddingId}::int, ${tenantId}, md5(v.vector), p.version, decode(v.vector, 'hex')
    from unnest(${vectors}::text[]) as v(vector), embedding_progress p`.execute(tx);
}

function random(dimensions: number): Float32Array {
  return unit(Float32Array.from({ length: dimensions }, () => Math.random() - 0.5))!;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}
