// runs on: both databases
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, beforeEach, describe, it, type TestContext } from 'node:test';
import { inTenant, type Database } from '@reeve/db';
import { openTestDatabase } from '@reeve/testing';
import { cases } from '@reeve/testing/cases';
import { emptyIndex } from '../../test/index-tables.ts';
import fc from 'fast-check';
import { sql } from 'kysely';
import { ensureSpace } from '../space.ts';
import { copyVectors, rankInDatabase } from './in-database.ts';
import { unit } from './matrix.ts';
import type { Scanner, ScannerOptions } from './scan.ts';
import { findLive } from './embedding-space.ts';
import { selectStates } from './store.ts';
import { createTestScanners } from '../../test/scanners.ts';

const signal = new AbortController().signal;
const DIMENSIONS = 9;

describe('the scan of the database', () => {
  let database: Database;
  const scanners = createTestScanners();
  before(async () => void (database = await openTestDatabase()));
  beforeEach(() => emptyIndex(database));
  afterEach(() => scanners.close());
  after(() => database[Symbol.asyncDispose]());

  const open = (options?: ScannerOptions) => scanners.open(database, options);
  const copy = async (least = 0) =>
    database.vectors.available ? copyVectors(database.db, database.vectors.schema, least, signal) : undefined;
  const copied = async () =>
    (await sql<{ ref: string }>`select ref from embedding_vectors order by ref`.execute(database.db)).rows.length;

  /** True where this server has no pgvector; the embedded database always has it. */
  function isWithout(test: TestContext): boolean {
    if (database.vectors.available) return false;
    assert.equal(database.kind, 'postgres');
    test.skip(database.vectors.reason);
    return true;
  }

  /** A space of a tenant with these vectors, none of which is copied yet. */
  async function fill(vectors: readonly Float32Array[], tenantId = 'default'): Promise<{ id: number; refs: string[] }> {
    return inTenant(database.db, tenantId, async (tx) => {
      const space = await ensureSpace(tx, { tenantId, ownerId: null, kind: 'memory' });
      const { rows } = await sql<{ id: number }>`
        insert into embedding_spaces (tenant_id, model, revision, dimensions, state)
        values (${tenantId}, 'test/one', 1, ${DIMENSIONS}, 'live') returning id`.execute(tx);
      const refs = vectors.map(() => randomUUID() as string);
      await sql`insert into embedding_progress (embedding_id, space_id, tenant_id, version, vectors)
        values (${rows[0]!.id}, ${space.id}, ${tenantId}, 1, 0)`.execute(tx);
      await put(tx, { embeddingId: rows[0]!.id, spaceId: space.id, tenantId }, refs, vectors);
      return { id: space.id, refs };
    });
  }

  /** Stores vectors as `storeVectors` does, of texts that need not be there. */
  async function put(
    tx: Parameters<Parameters<typeof inTenant>[2]>[0],
    { embeddingId, spaceId, tenantId }: { embeddingId: number; spaceId: number; tenantId: string },
    refs: readonly string[],
    vectors: readonly Float32Array[],
  ): Promise<void> {
    await sql`update embedding_progress set version = version + 1, vectors = vectors + ${refs.length}
      where embedding_id = ${embeddingId} and space_id = ${spaceId}`.execute(tx);
    await sql`insert into embeddings (space_id, ref, embedding_id, tenant_id, hash, changed, vector)
      select ${spaceId}::int, v.ref, ${embeddingId}::int, ${tenantId}, v.ref, p.version, decode(v.vector, 'hex')
      from unnest(${refs}::text[], ${vectors.map((vector) => Buffer.from(vector.buffer).toString('hex'))}::text[])
        as v(ref, vector), embedding_progress p where p.embedding_id = ${embeddingId} and p.space_id = ${spaceId}`.execute(
      tx,
    );
  }

  /** What a scanner finds, at most `count` at a time. */
  const rank = (scanner: Scanner, spaceId: number, query: Float32Array, tenantId = 'default', count = 100) =>
    inTenant(database.db, tenantId, async (tx) => {
      const live = (await findLive(tx, tenantId))!;
      const ranking = await scanner.rank(tx, live, [{ id: spaceId, tenantId }], query);
      if (ranking === undefined) return undefined;
      const all = [];
      for (;;) {
        const page = await ranking.take(count);
        all.push(...page);
        if (page.length < count) break;
      }
      assert.equal(all.length, ranking.size);
      return all;
    });

  const number = fc.float({ min: -1, max: 1, noNaN: true });
  // Some are the same, and so have the same score.
  const vector = fc
    .array(fc.oneof(number, fc.constantFrom(0, 0.5)), { minLength: DIMENSIONS, maxLength: DIMENSIONS })
    .map((numbers) => unit(Float32Array.from(numbers)))
    .filter((one) => one !== undefined);

  it('finds what the scan of this process finds, in the same order', { timeout: 120_000 }, async (test) => {
    if (isWithout(test)) return;
    await fc.assert(
      fc.asyncProperty(
        fc.array(vector, { minLength: 1, maxLength: 60 }),
        fc.array(vector, { maxLength: 8 }),
        vector,
        fc.integer({ min: 1, max: 40 }),
        async (vectors, later, query, count) => {
          await emptyIndex(database);
          const { id } = await fill(vectors);
          await copy();
          const { id: embeddingId } = await database.db
            .selectFrom('embedding_spaces')
            .select('id')
            .executeTakeFirstOrThrow();
          const refs = later.map(() => randomUUID() as string);
          const where = { embeddingId, spaceId: id, tenantId: 'default' };
          if (later.length > 0) await inTenant(database.db, 'default', (tx) => put(tx, where, refs, later));
          const own = (await rank(open(), id, query))!;
          const theirs = (await rank(open({ roomBytes: 0, vectors: database.vectors }), id, query, 'default', count))!;
          assert.deepEqual(theirs.map(({ ref }) => ref).sort(), own.map(({ ref }) => ref).sort());
          const scores = new Map(own.map(({ ref, score }) => [ref, score]));
          for (const [index, { ref, score }] of theirs.entries()) {
            assert.ok(Math.abs(score - scores.get(ref)!) < 1e-5, `${score} instead of ${scores.get(ref)}`);
            assert.ok(Math.abs(score - own[index]!.score) < 1e-5, 'in its place');
          }
        },
      ),
      cases(25),
    );
  });

  it('goes on where a page ends, each text once', async (test) => {
    if (isWithout(test)) return;
    const vectors = Array.from({ length: 1_300 }, (_, n) =>
      unit(Float32Array.from({ length: DIMENSIONS }, (__, at) => Math.sin(1 + ((n % 700) + 1) * (at + 1))))!,
    );
    const { id, refs } = await fill(vectors);
    await copy();
    const found = (await rank(open({ roomBytes: 0, vectors: database.vectors }), id, vectors[3]!))!;
    assert.deepEqual(found.map(({ ref }) => ref).sort(), refs.sort());
    assert.ok(found.every(({ score }, index) => index === 0 || score <= found[index - 1]!.score));
  });

  it('answers while a copy is being loaded, and where there is no room; without pgvector nobody does', async (test) => {
    const vectors = [0, 1, 2].map((at) => Float32Array.from({ length: DIMENSIONS }, (_, n) => Number(n === at)));
    const { id, refs } = await fill(vectors);
    const at = { atOnceBytes: 0 };
    assert.equal(await rank(open(at), id, vectors[1]!), undefined);
    assert.equal(await rank(open({ roomBytes: 0 }), id, vectors[1]!), undefined);
    if (isWithout(test)) return;
    for (const isCopied of [false, true]) {
      if (isCopied) await copy();
      assert.equal(await copied(), isCopied ? 3 : 0);
      for (const options of [at, { roomBytes: 0 }]) {
        const found = await rank(open({ ...options, vectors: database.vectors }), id, vectors[1]!);
        assert.deepEqual([found?.length, found?.[0]], [3, { ref: refs[1], score: 1 }]);
      }
    }
    const short = open({ roomBytes: 0, vectors: database.vectors, databaseBytes: 100 });
    assert.equal(await rank(short, id, vectors[1]!), undefined, 'more than it may compare');
  });

  it('has no copy of small spaces, nor of what is deleted or not there for good', async (test) => {
    if (isWithout(test)) return;
    const vectors = [0, 1, 2].map((at) => Float32Array.from({ length: DIMENSIONS }, (_, n) => Number(n === at)));
    const { id, refs } = await fill(vectors);
    await copy(3 * DIMENSIONS * 4);
    assert.equal(await copied(), 0);
    await copy(3 * DIMENSIONS * 4 - 1);
    assert.equal(await copied(), 3);
    const scanner = open({ vectors: database.vectors });
    const refused = new Error('taken back');
    await assert.rejects(
      inTenant(database.db, 'default', async (tx) => {
        await tx.deleteFrom('embeddings').where('ref', '=', refs[0]!).execute();
        await sql`update embedding_progress set version = version + 1, vectors = vectors - 1`.execute(tx);
        const live = (await findLive(tx, 'default'))!;
        const ranking = (await scanner.rank(tx, live, [{ id, tenantId: 'default' }], vectors[0]!))!;
        const found = (await ranking.take(9)).map(({ ref }) => ref);
        assert.deepEqual(found.sort(), refs.slice(1).sort());
        throw refused;
      }),
      refused,
    );
    assert.equal(await copied(), 3);
    await database.db.deleteFrom('embeddings').where('ref', '=', refs[0]!).execute();
    assert.equal(await copied(), 2);
  });

  it('compares a vector that was changed as it is now, before it is copied and after', async (test) => {
    if (isWithout(test)) return;
    const [one, two] = [0, 1].map((at) => Float32Array.from({ length: DIMENSIONS }, (_, n) => Number(n === at)));
    const { id } = await fill([one!]);
    await copy();
    await sql`update embedding_progress set version = version + 1`.execute(database.db);
    await sql`update embeddings set changed = changed + 1, vector = ${Buffer.from(two!.buffer)}`.execute(database.db);
    const scanner = open({ roomBytes: 0, vectors: database.vectors });
    for (let times = 0; times < 2; times += 1) {
      assert.deepEqual(
        (await rank(scanner, id, two!))?.map(({ score }) => score),
        [1],
      );
      await copy();
    }
    assert.equal(await copied(), 1);
  });

  it('reads no more late vectors for a query than it may, over all its spaces', async (test) => {
    if (!database.vectors.available) return void isWithout(test);
    const { schema } = database.vectors;
    const vectors = [0, 1, 2].map((at) => Float32Array.from({ length: DIMENSIONS }, (_, n) => Number(n === at)));
    await fill(vectors);
    await inTenant(database.db, 'default', async (tx) => {
      const live = (await findLive(tx, 'default'))!;
      const { id } = await ensureSpace(tx, { tenantId: 'default', ownerId: null, kind: 'message' });
      const where = { embeddingId: live.id, spaceId: id, tenantId: 'default' };
      await sql`insert into embedding_progress (embedding_id, space_id, tenant_id, version, vectors)
        values (${live.id}, ${id}, 'default', 1, 0)`.execute(tx);
      await put(
        tx,
        where,
        vectors.map(() => randomUUID()),
        vectors,
      );
      const { rows } = await sql<{ id: number }>`select id from lexical_spaces`.execute(tx);
      const ids = rows.map((row) => row.id);
      const states = await selectStates(tx, 'default', live.id, ids);
      const within = (count: number) =>
        rankInDatabase(tx, schema, live, states, vectors[1]!, count * DIMENSIONS * 4).then((ranking) => ranking?.size);
      assert.deepEqual([await within(3), await within(5), await within(6)], [undefined, undefined, 6]);
    });
  });

  it('compares vectors of one tenant only', async (test) => {
    if (isWithout(test)) return;
    const vectors = [Float32Array.from({ length: DIMENSIONS }, (_, n) => Number(n === 0))];
    const [mine, theirs] = [await fill(vectors), await fill(vectors, 'other')];
    await copy();
    const scanner = open({ roomBytes: 0, vectors: database.vectors });
    assert.deepEqual(
      (await rank(scanner, mine.id, vectors[0]!))?.map(({ ref }) => ref),
      mine.refs,
    );
    assert.deepEqual(
      (await rank(scanner, theirs.id, vectors[0]!, 'other'))?.map(({ ref }) => ref),
      theirs.refs,
    );
    const seen = await inTenant(database.db, 'other', (tx) => sql`select ref from embedding_vectors`.execute(tx));
    assert.deepEqual(seen.rows, [{ ref: theirs.refs[0] }]);
  });
});
