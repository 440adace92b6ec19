// runs on: both databases
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Database } from '@reeve/db';
import { silentLog, sleep } from '@reeve/kit';
import { createTestEmbedder, embeddersOf, openTestDatabase, vectorOf } from '@reeve/testing';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { ensureSpace, findSpaces } from '../space.ts';
import { unindexTexts } from '../lexical/write.ts';
import { unit } from './matrix.ts';
import type { Scanner, ScannerOptions } from './scan.ts';
import { findLive } from './embedding-space.ts';
import { fromBytes } from './store.ts';
import { asTenant, checkCounts, createTestTexts, emptyIndex } from '../../test/index-tables.ts';
import { createTestScanners } from '../../test/scanners.ts';
import { createEmbeddingWorker } from './worker.ts';

const WORDS = ['car', 'doctor', 'purchase', 'faulty', 'vacation', 'cash', 'apple'];
const signal = new AbortController().signal;

describe('the exact scan', () => {
  let database: Database;
  const scanners = createTestScanners();
  before(async () => void (database = await openTestDatabase()));
  const texts = createTestTexts(() => database);
  beforeEach(async () => {
    texts.clear();
    await emptyIndex(database);
  });
  afterEach(() => scanners.close());
  after(() => database[Symbol.asyncDispose]());

  const open = (options?: ScannerOptions) => scanners.open(database, options);
  const worker = () =>
    createEmbeddingWorker(database, embeddersOf(createTestEmbedder('test/one')), texts.read, silentLog, {
      restMs: 1,
      copiedBytes: 100,
    });

  const remove = (ref: string) =>
    asTenant(database, async (tx) => {
      const [space] = await findSpaces(tx, { tenantId: 'default', kinds: ['memory'] });
      await unindexTexts(tx, space!, [ref]);
    });

  /** What a scanner says, and what comparing every row by itself says. */
  async function compare(scanner: Scanner, query: string): Promise<void> {
    const asked = unit(vectorOf(query))!;
    const { found, expected } = await asTenant(database, async (tx) => {
      const spaces = await findSpaces(tx, { tenantId: 'default', kinds: ['memory'] });
      const live = (await findLive(tx, 'default'))!;
      const found = await (await scanner.rank(tx, live, spaces, asked))?.take(1_000);
      const rows = await tx
        .selectFrom('embeddings')
        .select(['ref', 'vector'])
        .where('embedding_id', '=', live.id)
        .execute();
      const expected = rows
        .map(({ ref, vector }) => ({
          ref,
          score: fromBytes(vector).reduce((sum, one, at) => sum + one * asked[at]!, 0),
        }))
        .sort((one, other) => other.score - one.score || (one.ref < other.ref ? 1 : -1));
      return { found, expected };
    });
    // It is being loaded.
    if (found === undefined) return sleep(5).then(() => compare(scanner, query));
    assert.deepEqual(found.map(({ ref }) => ref).sort(), expected.map(({ ref }) => ref).sort());
    const byRef = new Map(expected.map(({ ref, score }) => [ref, score]));
    for (const [index, { ref, score }] of found.entries()) {
      assert.ok(Math.abs(score - byRef.get(ref)!) < 1e-5, ref);
      assert.ok(index === 0 || score <= found[index - 1]!.score, 'in order');
    }
  }

  it(
    'says what comparing every vector would, whatever was changed by whom in between',
    { timeout: 300_000 },
    async () => {
      const text = fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 4 }).map((words) => words.join(' '));
      const action = fc.oneof(
        { weight: 4, arbitrary: fc.record({ add: text }) },
        { weight: 2, arbitrary: fc.record({ remove: fc.nat(20) }) },
        { weight: 2, arbitrary: fc.record({ change: fc.nat(20), text }) },
        { weight: 3, arbitrary: fc.record({ ask: text, of: fc.nat(3) }) },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(action, { minLength: 4, maxLength: 24 }), async (actions) => {
          await emptyIndex(database);
          const filler = worker();
          // Two processes that read at once, one that loads in the background, and one that asks the database where it can.
          const { vectors } = database;
          const last = vectors.available ? { roomBytes: 0, vectors } : {};
          const scanners = [open(), open(), open({ atOnceBytes: 0 }), open(last)];
          const refs = [await texts.add('a first car')];
          await filler.round(signal);
          for (const one of actions) {
            if ('add' in one) refs.push(await texts.add(one.add));
            else if ('ask' in one) await compare(scanners[one.of]!, one.ask);
            else if ('remove' in one) {
              const [gone] = refs.splice(one.remove % refs.length, 1);
              if (gone !== undefined) await remove(gone);
              if (refs.length === 0) refs.push(await texts.add('another car'));
            } else await texts.add(`${one.text} again`, 'default', refs[one.change % refs.length]!);
            await filler.round(signal);
          }
          for (const scanner of scanners) await compare(scanner, 'car doctor cash');
          await checkCounts(database);
        }),
        cases(12),
      );
    },
  );

  it('keeps no copy of what a transaction changed and took back', async () => {
    await texts.add('a car');
    const gone = await texts.add('a doctor');
    await worker().round(signal);
    const scanner = open();
    await compare(scanner, 'car');
    const refused = new Error('taken back');
    await assert.rejects(
      asTenant(database, async (tx) => {
        const space = await ensureSpace(tx, { tenantId: 'default', ownerId: null, kind: 'memory' });
        await unindexTexts(tx, space, [gone]);
        const live = (await findLive(tx, 'default'))!;
        assert.equal(await scanner.rank(tx, live, [space], unit(vectorOf('car'))!), undefined);
        throw refused;
      }),
      refused,
    );
    await compare(scanner, 'car');
  });

  it('ranks nothing where there is no room, and makes room for what is asked for', async () => {
    for (const text of ['a car', 'a doctor', 'some cash']) await texts.add(text);
    await texts.add('a car', 'other');
    await worker().round(signal);
    const rank = (scanner: Scanner, tenantId: string) =>
      asTenant(
        database,
        async (tx) => {
          const spaces = await findSpaces(tx, { tenantId, kinds: ['memory'] });
          return (await scanner.rank(tx, (await findLive(tx, tenantId))!, spaces, unit(vectorOf('car'))!))?.size;
        },
        tenantId,
      );
    // Seven numbers each.
    const small = open({ roomBytes: 3 * 28 });
    for (let times = 0; times < 2; times += 1)
      assert.deepEqual([await rank(small, 'default'), await rank(small, 'other')], [3, 1]);
    assert.equal(await rank(open({ roomBytes: 28 }), 'default'), undefined);
  });

  it('compares no vector of another tenant, and refuses to', async () => {
    await texts.add('a car');
    await texts.add('a car', 'other');
    await worker().round(signal);
    const scanner = open();
    const asked = unit(vectorOf('car'))!;
    const mine = await asTenant(database, async (tx) => ({
      live: (await findLive(tx, 'default'))!,
      spaces: await findSpaces(tx, { tenantId: 'default', kinds: ['memory'] }),
    }));
    await asTenant(
      database,
      async (tx) => {
        const spaces = await findSpaces(tx, { tenantId: 'other', kinds: ['memory'] });
        const live = (await findLive(tx, 'other'))!;
        assert.equal((await scanner.rank(tx, live, spaces, asked))?.size, 1);
        await assert.rejects(scanner.rank(tx, live, mine.spaces, asked), TypeError);
        // Even one who knows their numbers sees nothing.
        assert.equal((await scanner.rank(tx, mine.live, mine.spaces, asked))?.size, 0);
      },
      'other',
    );
    assert.equal((await asTenant(database, (tx) => scanner.rank(tx, mine.live, mine.spaces, asked)))?.size, 1);
  });
});
