// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { PersonaInput, type KnowledgeBase } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import { openTestDatabase } from '@reeve/testing';
import { openDocumentReader, type DocumentReader } from '@reeve/documents';
import { selectChunks } from './document-store.ts';
import { addDocument, deleteDocument, requireBase, soulOf, type Content } from './documents.ts';
import { createPersona, deletePersona } from './personas.ts';
import { searchKnowledge } from './search.ts';

const ALARM = '# Alarms\n\nThe siren sounds for three minutes.\n\n# Doors\n\nThe terrace door locks at nine.';

describe('documents', { timeout: 120_000 }, () => {
  let database: Database;
  let reader: DocumentReader;
  let persona: string;
  const who = (tenantId = 'default') => ({ tenantId, userId: 'ada', traceId: 'trace-1' });
  const work = <T>(run: (tx: Tx) => Promise<T>, tenantId = 'default') => inTenant(database.db, tenantId, run);
  const made = async (name: string, tenantId = 'default') =>
    (await work((tx) => createPersona(tx, who(tenantId), PersonaInput.parse({ name })), tenantId)).id;

  interface Adding {
    readonly to?: string;
    readonly base?: KnowledgeBase;
    readonly source?: string;
    readonly title?: string;
    readonly tags?: string[];
    readonly file?: Partial<Content>;
    readonly tenantId?: string;
  }
  const add = (text: string, { to = persona, base = 'Domain-KB', file, tags = [], tenantId, ...fields }: Adding = {}) =>
    addDocument(
      { database, reader },
      who(tenantId),
      to,
      base,
      { bytes: Buffer.from(text), name: '', mediaType: 'text/markdown', ...file },
      { tags, ...fields },
      new AbortController().signal,
    );
  const find = async (
    query: string,
    { personaId = persona as string | null, tags = [] as string[], tenantId = 'default' } = {},
  ) =>
    work(async (tx) => {
      const asked = { query, topK: 5, knowledgeBases: ['Domain-KB', 'Body-KB'] as const, personaId, tags };
      return (await searchKnowledge(tx, tenantId, asked)).matches;
    }, tenantId);
  const texts = async (...args: Parameters<typeof find>) => (await find(...args)).map(({ text }) => text);
  const remove = (id: string) =>
    work(async (tx) => deleteDocument(tx, who(), await requireBase(tx, 'default', persona, 'Domain-KB'), id));
  const chunksOf = (id: string) => work((tx) => selectChunks(tx, id));
  const termsNow = async () =>
    (await database.db.selectFrom('lexical_terms').select('term').orderBy('term').execute()).map(({ term }) => term);

  before(async () => {
    database = await openTestDatabase();
    reader = openDocumentReader();
  });
  beforeEach(async () => {
    for (const table of [
      'personas',
      'chunks',
      'chunk_places',
      'unreferenced_versions',
      'lexical_spaces',
      'lexical_entries',
      'lexical_terms',
      'lexical_blocks',
    ] as const)
      await database.db.deleteFrom(table).execute();
    persona = await made('Home');
  });
  after(async () => {
    await reader[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  it('are found by what they say, with where it stands', async () => {
    const { id, chunk_count, title } = await add(ALARM, { source: 'alarms.md', tags: ['safety'] });
    assert.deepEqual([chunk_count, title], [2, 'Alarms']);
    const [match] = await find('how long does the siren sound?');
    const { score, ...rest } = match!;
    assert.ok(score > 0);
    assert.deepEqual(rest, {
      id: (await chunksOf(id))[0]!.id,
      document_id: id,
      persona_id: persona,
      knowledge_base: 'Domain-KB',
      title: 'Alarms',
      headings: ['Alarms'],
      text: rest.text,
      source: 'alarms.md',
      position: 1,
      page: null,
      tags: ['safety'],
    });
    assert.match(rest.text, /three minutes/);
    // By its heading, too.
    assert.match((await texts('doors'))[0]!, /terrace/);
    assert.deepEqual(await texts('submarine'), []);
    assert.deepEqual(await texts('siren', { tags: ['other'] }), []);
  });

  it('of the same content are stored once in a base', async () => {
    const first = await add(ALARM, { source: 'a.md' });
    const second = await add(ALARM, { source: 'b.md' });
    assert.deepEqual([second.id, second.deduplicated, second.source], [first.id, true, 'a.md']);
    const body = await add(ALARM, { base: 'Body-KB' });
    assert.equal(body.deduplicated, false);
  });

  it('of the same source replace each other; a chunk that says the same keeps its id', async () => {
    const first = await add(ALARM, { source: 'a.md' });
    const before = await chunksOf(first.id);
    const second = await add(
      ALARM.replace('three minutes', 'one hour').replace('# Alarms', '# New\n\nAdded.\n\n# Alarms'),
      {
        source: 'a.md',
        title: 'Alarms',
      },
    );
    assert.deepEqual([second.id, second.replaced, second.chunk_count], [first.id, true, 3]);
    const after = await chunksOf(first.id);
    assert.deepEqual(
      after.map(({ position, headings }) => [position, headings]),
      [
        [1, ['New']],
        [2, ['Alarms']],
        [3, ['Doors']],
      ],
    );
    assert.equal(after[2]!.id, before[1]!.id);
    assert.notEqual(after[1]!.id, before[0]!.id);
    assert.deepEqual(await texts('three minutes'), []);
    assert.match((await texts('one hour'))[0]!, /one hour/);
    // A new title finds chunks that have not changed, and the old one finds none.
    await add(`${ALARM} `, { source: 'a.md', title: 'Nightwatch' });
    assert.equal((await texts('nightwatch')).length, 2);
  });

  it('that come twice at once, with and without a source, are one', async () => {
    await Promise.all(Array.from({ length: 4 }, () => add(ALARM)));
    await Promise.all(['one', 'two', 'three'].map((text) => add(`The ${text} zebra`, { source: 'z.md' })));
    const rows = await database.db
      .selectFrom('documents')
      .select(['source', 'chunk_count'])
      .orderBy('source')
      .execute();
    assert.deepEqual(rows, [
      { source: 'z.md', chunk_count: 1 },
      { source: null, chunk_count: 2 },
    ]);
    assert.equal((await texts('zebra')).length, 1);
  });

  it('that are deleted leave no word of theirs', async () => {
    const kept = await add('Zebras like grass.');
    const terms = await termsNow();
    const { id } = await add(ALARM);
    assert.notDeepEqual(await termsNow(), terms);
    await remove(id);
    assert.deepEqual(await termsNow(), terms);
    assert.equal(
      await database.db
        .selectFrom('chunks')
        .select('id')
        .execute()
        .then(({ length }) => length),
      1,
    );
    await assert.rejects(remove(id), { reason: 'not_found' });
    await work((tx) => deletePersona(tx, who(), persona));
    assert.deepEqual(await termsNow(), []);
    assert.deepEqual(await texts('zebras', { personaId: null }), []);
    assert.equal(kept.deduplicated, false);
  });

  it('that cannot be read say why and store nothing', async () => {
    const files: [Partial<Content>, RegExp][] = [
      [{ bytes: Buffer.from('%PDF-1.7 broken'), name: 'a.pdf', mediaType: 'application/pdf' }, /./],
      [{ bytes: Buffer.from('x'), name: 'a.exe', mediaType: 'application/octet-stream' }, /\.exe/],
      [{ bytes: Buffer.from('PK\u0003\u0004'), name: 'a.docx', mediaType: undefined }, /./],
    ];
    for (const [file, message] of files)
      await assert.rejects(add('', { file }), (error: Error & { reason: string }) => {
        assert.equal(error.reason, 'invalid_request');
        assert.match(error.message, message);
        return true;
      });
    assert.deepEqual(await database.db.selectFrom('documents').select('id').execute(), []);
    assert.deepEqual(await termsNow(), []);
    await assert.rejects(add('x', { to: 'nobody' }), { reason: 'not_found' });
  });

  it('of a Soul are kept whole, in the order in which they came, and only while it is small', async () => {
    const soul = () => work((tx) => soulOf(tx, 'default', persona));
    const words =
      '# Who *I* am\n\n<!-- quietly -->\n\n```\nI am Barky.\n```\n\n---\n' + 'Woof. '.repeat(400) + 'Enough.';
    await add(words, { base: 'Soul-KB' });
    await add('I like balls.', { base: 'Soul-KB' });
    assert.equal(await soul(), `${words}\n\nI like balls.`);
    const before = await soul();
    await assert.rejects(add('long '.repeat(5_000), { base: 'Soul-KB' }), {
      reason: 'invalid_request',
      message: /would make a Soul of \d+ characters; it stands whole in every prompt, and may have 20000/,
    });
    assert.equal(await soul(), before);
  });

  it('of one file name are two, and of one source one', async () => {
    const file = { name: 'README.md' };
    await add('The first readme.', { file });
    await add('The second readme.', { file });
    assert.deepEqual((await texts('readme')).sort(), ['The first readme.', 'The second readme.']);
    const source = '港'.repeat(1_000);
    const first = await add('From far away.', { source });
    assert.deepEqual([(await add('From further away.', { source })).id, await texts('far')], [first.id, []]);
  });

  it('take over from those of their source where another says the same already', async () => {
    await add('The barn is red.', { source: 'b.md' });
    const blue = await add('The barn is blue.', { source: 'd.md' });
    const again = await add('The barn is blue.', { source: 'b.md' });
    assert.deepEqual([again.id, again.deduplicated], [blue.id, true]);
    assert.deepEqual(await texts('barn'), ['The barn is blue.']);
  });

  it('have titles that can be stored and shown, whatever their files say', async () => {
    const said = `---\ntitle: "a\\0b ${'x'.repeat(5_000)}"\n---\n\nText.`;
    const { title } = await add(said, { file: { name: 't.md' } });
    assert.deepEqual([title!.length, title!.includes('\0')], [500, false]);
    const named = await add('Nothing more.', { file: { name: `\0${'n'.repeat(300_000)}`, mediaType: 'text/plain' } });
    assert.equal(named.title!.length, 500);
  });

  it('cross neither persona nor tenant, however alike they are', async () => {
    const other = await made('Other');
    const foreign = await made('Home', 'other');
    const text = (whose: string) => `The secret code of the vault is 4711, says ${whose}.`;
    await add(text('mine'));
    await add(text('theirs'), { to: other });
    await add(text('foreign'), { to: foreign, tenantId: 'other' });
    assert.deepEqual(await texts('vault code 4711'), [text('mine')]);
    assert.deepEqual(await texts('vault code 4711', { personaId: other }), [text('theirs')]);
    assert.deepEqual((await texts('vault code 4711', { personaId: null })).sort(), [text('mine'), text('theirs')]);
    assert.deepEqual(await texts('vault code 4711', { personaId: foreign }), []);
    assert.deepEqual(await texts('vault code 4711', { personaId: null, tenantId: 'other' }), [text('foreign')]);
    await assert.rejects(add('x', { to: foreign }), { reason: 'not_found' });
    await assert.rejects(
      work((tx) => requireBase(tx, 'default', foreign, 'Domain-KB')),
      { reason: 'not_found' },
    );
  });
});
