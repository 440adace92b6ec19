// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { PersonaInput } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import { silentLog } from '@reeve/kit';
import { openTestDatabase, passTime } from '@reeve/testing';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { sql } from 'kysely';
import { openDocumentReader, type DocumentReader } from '@reeve/documents';
import { indexMemory } from '../indexer.ts';
import { fixedBatch, type AdaptiveBatch } from '../adaptive-batch.ts';
import { selectChunks } from './document-store.ts';
import { addDocument, removeDocument } from './documents.ts';
import { createPersona, removePersona } from './personas.ts';
import { searchKnowledge } from './search.ts';

const who = { tenantId: 'default', userId: 'ada', traceId: 'trace-1' };
const TABLES = [
  'personas',
  'chunks',
  'chunk_places',
  'unreferenced_versions',
  'removed_spaces',
  'lexical_spaces',
  'lexical_entries',
  'lexical_terms',
  'lexical_blocks',
] as const;

/** A document of so many chunks, each with a word of its own. */
const said = (count: number, word: string) =>
  Array.from({ length: count }, (_, at) => `# Part ${at}\n\nHere is ${word} and ${word}${at}.`).join('\n\n');

describe('documents of many chunks', { timeout: 240_000 }, () => {
  let database: Database;
  let reader: DocumentReader;
  let persona: string;
  const { signal } = new AbortController();
  const work = <T>(run: (tx: Tx) => Promise<T>) => inTenant(database.db, 'default', run);
  const add = (text: string, { source = 'a.md', title = 'T', batch = fixedBatch(20), stop = signal } = {}) =>
    addDocument(
      { database, reader, paceOf: () => batch },
      who,
      persona,
      'Domain-KB',
      { bytes: Buffer.from(text), name: '', mediaType: 'text/markdown' },
      { tags: [], source, title },
      stop,
    );
  const find = async (query: string, topK = 200) => {
    const asked = { query, topK, knowledgeBases: ['Domain-KB' as const], personaId: persona };
    return (await work((tx) => searchKnowledge(tx, 'default', asked))).matches.map(({ text }) => text);
  };
  const remove = (id: string) => removeDocument(database.db, who, persona, 'Domain-KB', id);
  const index = () => indexMemory(database, silentLog, signal);
  const count = async (table: (typeof TABLES)[number]) =>
    Number(
      (await sql<{ n: number }>`select count(*)::int as n from ${sql.table(table)}`.execute(database.db)).rows[0]!.n,
    );
  const counts = async () => {
    const all: number[] = [];
    for (const table of ['chunks', 'chunk_places', 'unreferenced_versions', 'lexical_entries'] as const)
      all.push(await count(table));
    return all;
  };
  /** A batch at which something happens after so many pieces. */
  const interrupted = (after: number, happens: () => unknown): AdaptiveBatch => {
    let pieces = 0;
    return { size: () => 20, took: () => void (++pieces === after && happens()) };
  };

  before(async () => {
    database = await openTestDatabase();
    reader = openDocumentReader();
  });
  beforeEach(async () => {
    for (const table of TABLES) await database.db.deleteFrom(table).execute();
    persona = (await work((tx) => createPersona(tx, who, PersonaInput.parse({ name: 'Reader' })))).id;
  });
  after(async () => {
    await reader[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  it('answer as they were until they are whole, and then as they are', async () => {
    const first = await add(said(100, 'walrus'));
    assert.equal(first.chunk_count, 100);
    const seen: Promise<[number, number]>[] = [];
    const look = async (): Promise<[number, number]> => [(await find('walrus')).length, (await find('otter')).length];
    const looking: AdaptiveBatch = { size: () => 20, took: () => void seen.push(look()) };
    const second = await add(said(100, 'otter'), { batch: looking });
    assert.deepEqual([second.id, second.replaced], [first.id, true]);
    assert.equal(seen.length, 5);
    // A look is two queries, between which the new version may become whole: never neither of them, and never a part.
    const whole = ['100,0', '100,100', '0,100'];
    for (const lengths of await Promise.all(seen)) assert.ok(whole.includes(lengths.join()), lengths.join());
    assert.deepEqual([(await find('walrus')).length, (await find('otter')).length], [0, 100]);
    assert.deepEqual(await counts(), [100, 100, 0, 100]);
  });

  it('keep chunks that say the same, wherever they are moved', async () => {
    const { id } = await add(said(150, 'walrus'));
    const before = await work((tx) => selectChunks(tx, id));
    await add(`# New\n\nIn front.\n\n${said(150, 'walrus').replace('walrus77.', 'otter.')}`);
    const after = await work((tx) => selectChunks(tx, id));
    assert.deepEqual(
      after.map(({ position }) => position),
      Array.from({ length: 151 }, (_, at) => at + 1),
    );
    const ids = new Set(before.map((chunk) => chunk.id));
    assert.deepEqual(
      after.filter((chunk) => !ids.has(chunk.id)).map(({ position }) => position),
      [1, 79],
    );
    assert.deepEqual([(await find('walrus77')).length, (await find('otter')).length], [0, 1]);
    assert.deepEqual(await counts(), [151, 151, 0, 151]);
    await remove(id);
    assert.deepEqual([...(await counts()), await count('lexical_terms')], [0, 0, 0, 0, 0]);
  });

  it('leave nothing where whoever stored them dies, and lose nothing that was there', async () => {
    await add(said(100, 'walrus'));
    const before = await counts();
    // A batch that never comes back is a process that is gone: what it committed stays.
    let died = (): void => undefined;
    const gone = new Promise<void>((resolve) => (died = resolve));
    const stuck = add(said(100, 'otter'), {
      batch: {
        size: () => 20,
        took: () => {
          died();
          throw new Error('killed');
        },
      },
    });
    await assert.rejects(stuck, /killed/);
    await gone;
    assert.deepEqual(await counts(), before);

    // Its row and pieces as a kill leaves them: held still, so that nobody touches them, and then not.
    const left = `insert into unreferenced_versions (id, tenant_id, space_id, title, held_until)
      select gen_random_uuid(), 'default', id, 'T', reeve_now() + interval '1 minute' from lexical_spaces`;
    await sql.raw(left).execute(database.db);
    await sql`
      with added as (insert into chunks (id, tenant_id, text, headings)
        select gen_random_uuid(), 'default', 'An otter.', '{}' from generate_series(1, 90) returning id)
      insert into chunk_places (version_id, tenant_id, position, chunk_id)
      select (select id from unreferenced_versions), 'default', row_number() over (), id from added`.execute(
      database.db,
    );
    await index();
    assert.equal(await count('chunks'), 190);
    await passTime(database, 61_000);
    await index();
    assert.deepEqual(await counts(), before);
    assert.equal((await find('walrus')).length, 100);
  });

  it('are given up where the upload is, without a trace', async () => {
    const stop = new AbortController();
    const batch = interrupted(2, () => stop.abort());
    await assert.rejects(add(said(100, 'otter'), { batch, stop: stop.signal }));
    assert.deepEqual(await counts(), [0, 0, 0, 0]);
    assert.equal((await add(said(100, 'otter'))).deduplicated, false);
  });

  it('that come at once from one source are one after another; the same content is stored once', async () => {
    const words = ['walrus', 'otter', 'heron'];
    const all = await Promise.all(words.map((word) => add(said(90, word))));
    assert.equal(new Set(all.map(({ id }) => id)).size, 1);
    const found = await Promise.all(words.map((word) => find(word)));
    assert.deepEqual(
      found.map(({ length }) => length).sort((a, b) => a - b),
      [0, 0, 90],
    );
    assert.deepEqual(await counts(), [90, 90, 0, 90]);
    const twins = await Promise.all(['x.md', 'y.md'].map((source) => add(said(90, 'newt'), { source })));
    assert.deepEqual(twins.filter(({ deduplicated }) => deduplicated).length, 1);
    assert.deepEqual(await counts(), [180, 180, 0, 180]);
  });

  it('whose document or persona is deleted meanwhile are new, or not there', async () => {
    const { id } = await add(said(90, 'walrus'));
    let deleting: Promise<void> | undefined;
    const second = await add(said(90, 'otter'), { batch: interrupted(2, () => (deleting = remove(id))) });
    await deleting;
    assert.notEqual(second.id, id);
    assert.deepEqual([(await find('walrus')).length, (await find('otter')).length], [0, 90]);
    const leaving = interrupted(2, () => (deleting = removePersona(database.db, who, persona)));
    await assert.rejects(add(said(90, 'heron'), { source: 'b.md', batch: leaving }), { reason: 'not_found' });
    await deleting;
    await passTime(database, 61_000);
    await index();
    for (const table of TABLES) assert.equal(await count(table), 0, table);
  });

  it('are indexed alike in pieces of any size and in one', async () => {
    const found = async () => {
      const { rows } = await sql`
        select t.term, t.count, s.entries, s.length from lexical_terms t join lexical_spaces s on s.id = t.space_id
        order by t.term`.execute(database.db);
      return { rows, walrus: (await find('walrus part', 20)).sort() };
    };
    const text = said(100, 'walrus');
    await remove((await add(text)).id);
    const { id } = await add(text, { batch: fixedBatch(1_000) });
    const expected = await found();
    await remove(id);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 120 }), async (size) => {
        const document = await add(text, { batch: fixedBatch(size) });
        assert.deepEqual(await found(), expected);
        await remove(document.id);
        assert.equal(await count('lexical_terms'), 0);
      }),
      cases(5),
    );
  });
});
