// runs on: both databases
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { inTenant, type Database } from '@reeve/db';
import { openTestDatabase } from '@reeve/testing';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { sql } from 'kysely';
import { analyze } from './analyze.ts';
import { lengthCode, lengthOf } from './postings.ts';
import { rankTexts } from './rank.ts';
import { removeSpace } from './remove.ts';
import { clearSpace, ensureSpace, findSpaces, findStaleSpaces, type Space } from '../space.ts';
import type { IndexedText } from '../text.ts';
import { indexTexts, unindexTexts } from './write.ts';

const WORDS = [
  'alpha',
  'beta',
  'gamma',
  'delta',
  'epsilon',
  'zeta',
  'eta',
  'theta',
  'iota_kappa',
  'Brücke',
  '北京大学',
];

describe('the lexical index', () => {
  let database: Database;
  before(async () => void (database = await openTestDatabase()));
  after(() => database[Symbol.asyncDispose]());

  const asTenant = <T>(work: Parameters<typeof inTenant<T>>[2], tenantId = 'default') =>
    inTenant(database.db, tenantId, work);
  const open = (kind: string = 'domain', ownerId: string | null = randomUUID(), tenantId = 'default') =>
    asTenant((tx) => ensureSpace(tx, { tenantId, ownerId, kind }), tenantId);
  const text = (ref: string, body: string, title = ''): IndexedText => ({
    ref,
    fields: [
      { text: title, weight: 2 },
      { text: body, weight: 1 },
    ],
  });
  const add = (space: Space, ...texts: IndexedText[]) => asTenant((tx) => indexTexts(tx, space, texts), space.tenantId);
  const drop = (space: Space, ...refs: string[]) => asTenant((tx) => unindexTexts(tx, space, refs), space.tenantId);
  const rank = (spaces: readonly Space[], query: string, count = 1_000) =>
    asTenant(async (tx) => (await rankTexts(tx, spaces, query)).take(count), spaces[0]!.tenantId);
  const refs = async (...args: Parameters<typeof rank>) => (await rank(...args)).map(({ ref }) => ref);
  const rowsOf = async ({ id }: Space) => {
    const { rows } = await sql<Record<'entries' | 'terms' | 'blocks', number>>`
      select (select count(*) from lexical_entries where space_id = ${id}) as entries,
        (select count(*) from lexical_terms where space_id = ${id}) as terms,
        (select count(*) from lexical_blocks where space_id = ${id}) as blocks`.execute(database.db);
    return rows[0]!;
  };

  it('finds by any of the query’s terms, the best first, a title counting twice', async () => {
    const space = await open();
    await add(
      space,
      text('both', 'a fox in the garden'),
      text('garden', 'the garden has a pond and a fence'),
      text('titled', 'it has a pond and a fence', 'Garden'),
      text('other', 'invoices are paid on Fridays'),
    );
    assert.deepEqual(await refs([space], 'foxes in gardens'), ['both', 'titled', 'garden']);
    assert.deepEqual(await refs([space], 'submarine'), []);
    assert.deepEqual(await refs([space], 'the of and'), []);
    assert.deepEqual(await refs([space], 'fox', 1), ['both']);
  });

  it('replaces a text whose ref comes again, the last of them where it comes twice at once', async () => {
    const space = await open();
    await add(space, text('one', 'lighthouse'), text('one', 'harbour'));
    assert.deepEqual([await refs([space], 'lighthouse'), await refs([space], 'harbour')], [[], ['one']]);
    await add(space, text('one', 'windmill'));
    assert.deepEqual([await refs([space], 'harbour'), await refs([space], 'windmill')], [[], ['one']]);
    assert.deepEqual(await rowsOf(space), { entries: 1, terms: 1, blocks: 0 });
    await add(space, text('one', ' -- '));
    assert.deepEqual(await rowsOf(space), { entries: 0, terms: 0, blocks: 0 });
  });

  it('keeps nothing of what was taken out, also out of blocks that are full', async () => {
    const space = await open();
    const all = Array.from({ length: 2_500 }, (_, n) =>
      text(`t${n}`, `common word${n} ${n % 2 === 0 ? 'even' : 'odd'}`),
    );
    await add(space, ...all.slice(0, 1_300));
    await add(space, ...all.slice(1_300));
    assert.ok((await rowsOf(space)).blocks >= 3);
    await drop(space, 't7', 't2400', 'unknown');
    assert.deepEqual(await refs([space], 'word7'), []);
    const { rows } =
      await sql`select term from lexical_terms where space_id = ${space.id} and term in ('word7', 'word2400', 'word8')`.execute(
        database.db,
      );
    assert.deepEqual(rows, [{ term: 'word8' }]);
    assert.equal((await refs([space], 'common', 5_000)).length, 2_498);
    assert.equal((await refs([space], 'odd', 5_000)).length, 1_249);
    await drop(space, ...all.filter((_, n) => n % 2 === 0).map(({ ref }) => ref));
    assert.deepEqual(await refs([space], 'even'), []);
    assert.equal((await refs([space], 'common', 5_000)).length, 1_249);
    await drop(space, ...all.map(({ ref }) => ref));
    assert.deepEqual(await rowsOf(space), { entries: 0, terms: 0, blocks: 0 });
    const row = await database.db
      .selectFrom('lexical_spaces')
      .select(['entries', 'length'])
      .where('id', '=', space.id)
      .executeTakeFirst();
    assert.deepEqual(row, { entries: 0, length: 0 });
  });

  it('hands out pages that together are the whole ranking, ties by ref', async () => {
    const space = await open();
    await add(space, ...Array.from({ length: 60 }, (_, n) => text(`t${n}`, n % 3 === 0 ? 'pebble pebble' : 'pebble')));
    const whole = await refs([space], 'pebble');
    assert.deepEqual(whole, [...whole.slice(0, 20).sort().reverse(), ...whole.slice(20).sort().reverse()]);
    const pages = await asTenant(async (tx) => {
      const ranking = await rankTexts(tx, [space], 'pebble');
      assert.deepEqual([ranking.size, ranking.terms], [60, 1]);
      const found: string[] = [];
      for (let size = 1; ; size += 1) {
        const page = await ranking.take(size);
        found.push(...page.map(({ ref }) => ref));
        if (page.length < size) return found;
      }
    });
    assert.deepEqual(pages, whole);
  });

  it('answers what BM25 by itself would, whatever was added, replaced and taken out', async () => {
    const body = fc.array(fc.constantFrom(...WORDS), { maxLength: 12 }).map((words) => words.join(' '));
    const ref = fc.integer({ min: 0, max: 14 }).map((n) => `r${n}`);
    const fields = fc.array(fc.record({ text: body, weight: fc.integer({ min: 1, max: 3 }) }), { maxLength: 3 });
    const change = fc.oneof(
      fc.record({ put: fc.array(fc.record({ ref, fields }), { maxLength: 6 }) }),
      fc.record({ take: fc.array(ref, { maxLength: 6 }) }),
    );
    const changes = fc.array(fc.tuple(fc.constantFrom(0, 1), change), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(changes, body, fc.constantFrom<string>('domain', 'message'), async (all, query, kind) => {
        const spaces = [await open(kind), await open('domain')];
        const models = spaces.map(() => new Map<string, IndexedText>());
        for (const [which, one] of all) {
          if ('put' in one) {
            await add(spaces[which]!, ...one.put);
            for (const put of one.put) models[which]!.set(put.ref, put);
          } else {
            await drop(spaces[which]!, ...one.take);
            for (const gone of one.take) models[which]!.delete(gone);
          }
        }
        const expected = naive([kind, 'domain'], models, query);
        const found = await rank(spaces, query);
        assert.equal(found.length, expected.length);
        for (const { ref: name, spaceId, score, matched } of found) {
          const same = expected.find((one) => one.ref === name && spaces[one.which]!.id === spaceId);
          assert.ok(same !== undefined && Math.abs(same.score - score) < 1e-9 && same.matched === matched, name);
        }
        const order = found.map((one) => ({ ...one, score: Math.round(one.score * 1e9) }));
        assert.deepEqual(
          order,
          [...order].sort((a, b) => b.score - a.score || (a.ref < b.ref ? 1 : a.ref > b.ref ? -1 : 0)),
        );
      }),
      cases(60),
    );
  });

  it('loses nothing where several write to one space at once', async () => {
    const ownerId = randomUUID();
    const writers = Array.from({ length: 6 }, (_, writer) =>
      asTenant(async (tx) => {
        const space = await ensureSpace(tx, { tenantId: 'default', ownerId, kind: 'body' });
        await indexTexts(
          tx,
          space,
          Array.from({ length: 40 }, (_, n) => text(`w${writer}-${n}`, `shared word${n}`)),
        );
        return space;
      }),
    );
    const spaces = await Promise.all(writers);
    assert.equal(new Set(spaces.map(({ id }) => id)).size, 1);
    assert.equal((await refs(spaces.slice(0, 1), 'shared')).length, 240);
    assert.equal((await refs(spaces.slice(0, 1), 'word7')).length, 6);
    await Promise.all(
      spaces.map((space, writer) => drop(space, ...Array.from({ length: 40 }, (_, n) => `w${writer}-${n}`))),
    );
    assert.deepEqual(await rowsOf(spaces[0]!), { entries: 0, terms: 0, blocks: 0 });
  });

  it('leaves nothing of a transaction that fails', async () => {
    const space = await open();
    await add(space, text('kept', 'anchor'));
    const failing = asTenant(async (tx) => {
      await indexTexts(tx, space, [text('lost', 'anchor rope'), text('kept', 'replaced')]);
      throw new Error('killed');
    });
    await assert.rejects(failing, /killed/);
    assert.deepEqual(await refs([space], 'anchor rope replaced'), ['kept']);
    assert.deepEqual(await rowsOf(space), { entries: 1, terms: 1, blocks: 0 });
  });

  it('shows nothing of another tenant or another persona, whose texts are the same and better', async () => {
    const personas = [randomUUID(), randomUUID(), null];
    const tenants = ['default', 'other'];
    for (const tenantId of tenants)
      for (const ownerId of personas) {
        const space = await open('mind', ownerId, tenantId);
        await add(
          space,
          ...[1, 2, 3].map((n) => text(`${tenantId}/${ownerId}/${n}`, `${'the vault code '.repeat(n)} is 4711`)),
        );
      }
    for (const tenantId of tenants)
      for (const ownerId of personas) {
        const spaces = await asTenant((tx) => findSpaces(tx, { tenantId, ownerId, kinds: ['mind'] }), tenantId);
        const found = await refs(spaces, 'vault code 4711');
        assert.equal(found.length, 3);
        assert.ok(
          found.every((ref) => ref.startsWith(`${tenantId}/${ownerId}/`)),
          found.join(),
        );
      }
    const theirs = await asTenant((tx) => findSpaces(tx, { tenantId: 'other', kinds: ['mind'] }), 'other');
    assert.equal(theirs.length, 3);
    const forged = theirs.map(({ id }) => ({ id, tenantId: 'default' }));
    assert.deepEqual(await refs(forged, 'vault'), []);
    for (const stolen of [theirs[0]!, forged[0]!]) {
      assert.deepEqual(await asTenant(async (tx) => (await rankTexts(tx, [stolen], 'vault')).take(9)), []);
      await assert.rejects(
        asTenant((tx) => indexTexts(tx, stolen, [text('mine', 'vault')])),
        { reason: 'not_found' },
      );
      await assert.rejects(
        asTenant((tx) => unindexTexts(tx, stolen, ['x'])),
        { reason: 'not_found' },
      );
      await asTenant((tx) => removeSpace(tx, stolen));
    }
    assert.equal((await refs(theirs, 'vault')).length, 9);
    await assert.rejects(
      asTenant((tx) => rankTexts(tx, [theirs[0]!, { id: 1, tenantId: 'default' }], 'vault')),
      TypeError,
    );
  });

  it('goes with its space, and is filled anew where an older analyzer filled it', async () => {
    const [gone, stale] = [await open(), await open()];
    for (const space of [gone, stale]) await add(space, text('one', 'compass'));
    await asTenant((tx) => removeSpace(tx, gone));
    assert.deepEqual([await rowsOf(gone), await refs([gone], 'compass')], [{ entries: 0, terms: 0, blocks: 0 }, []]);
    assert.deepEqual(await findStaleSpaces(database.db), []);
    await database.db.updateTable('lexical_spaces').set({ analyzer_version: 0 }).where('id', '=', stale.id).execute();
    const [found] = await findStaleSpaces(database.db);
    assert.deepEqual([found?.id, found?.kind], [stale.id, 'domain']);
    await asTenant((tx) => clearSpace(tx, stale));
    assert.deepEqual([await refs([stale], 'compass'), await findStaleSpaces(database.db)], [[], []]);
    await add(stale, text('one', 'compass'));
    assert.deepEqual(await refs([stale], 'compass'), ['one']);
  });
});

/** BM25 as it is in books, over texts in memory. */
function naive(kinds: readonly string[], models: readonly Map<string, IndexedText>[], query: string) {
  const texts = models
    .flatMap((model, which) =>
      [...model.values()].map(({ ref, fields }) => {
        const frequencies = new Map<string, number>();
        let length = 0;
        for (const field of fields) {
          const { terms, length: words } = analyze(field.text);
          length += words * field.weight;
          for (const term of terms) frequencies.set(term, (frequencies.get(term) ?? 0) + field.weight);
        }
        return { which, kind: kinds[which]!, ref, length, frequencies };
      }),
    )
    .filter(({ frequencies }) => frequencies.size > 0);
  const average = (kind: string) => {
    const same = texts.filter((text) => text.kind === kind);
    return same.reduce((sum, { length }) => sum + length, 0) / same.length;
  };
  const { terms } = analyze(query);
  return texts
    .map(({ which, kind, ref, length, frequencies }) => {
      let score = 0;
      for (const term of terms) {
        const frequency = frequencies.get(term) ?? 0;
        const count = texts.filter((text) => text.frequencies.has(term)).length;
        const b = kind === 'message' ? 0.4 : 0.75;
        const known = lengthOf(lengthCode(length));
        const idf = Math.log(1 + (texts.length - count + 0.5) / (count + 0.5));
        score += (idf * frequency * 2.2) / (frequency + 1.2 * (1 - b + (b * known) / average(kind)));
      }
      return { which, ref, score, matched: [...new Set(terms)].filter((term) => frequencies.has(term)).length };
    })
    .filter(({ matched }) => matched > 0);
}
