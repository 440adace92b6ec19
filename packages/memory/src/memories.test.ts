// runs on: both databases
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { MemoryPatch, PersonaInput, RecallInput, RememberInput } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { silentLog } from '@reeve/kit';
import { openTestDatabase, passTime } from '@reeve/testing';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { sql } from 'kysely';
import { DEFAULT_RULES } from './care/sensitive.ts';
import { indexMemory } from './indexer.ts';
import { createPersona } from './knowledge/personas.ts';
import { forget, forgetAs, recall, recallContext, remember, updateMemory } from './memories.ts';
import { listMemoryRows } from './memory-store.ts';
import { appendMessages, ensureSession } from './sessions.ts';

const INDEX = ['lexical_spaces', 'lexical_entries', 'lexical_terms', 'lexical_blocks'] as const;
const who = { tenantId: 'default', userId: 'ada', traceId: 'trace-1' };

describe('memories', () => {
  let database: Database;
  const store = (text: string, fields: object = {}, tenantId = 'default') =>
    inTenant(database.db, tenantId, (tx) =>
      remember(tx, { ...who, tenantId }, { ...RememberInput.parse({ text }), ...fields }, DEFAULT_RULES),
    );
  const find = (query: string, fields: object = {}, tenantId = 'default') =>
    inTenant(
      database.db,
      tenantId,
      async (tx) => (await recall(tx, tenantId, RecallInput.parse({ query, ...fields }))).matches,
    );
  const texts = async (...args: Parameters<typeof find>) => (await find(...args)).map(({ text }) => text);
  const say = async (sessionId: string, ...contents: string[]) => {
    await inTenant(database.db, 'default', async (tx) => {
      await ensureSession(tx, { tenantId: 'default', sessionId, title: 'a session' });
      await appendMessages(
        tx,
        'default',
        sessionId,
        contents.map((content) => ({ role: 'user', content })),
      );
    });
    await indexMemory(database, silentLog, new AbortController().signal);
  };

  before(async () => void (database = await openTestDatabase()));
  beforeEach(async () => {
    for (const table of ['memories', 'sessions', 'audit', ...INDEX] as const)
      await database.db.deleteFrom(table).execute();
  });
  after(() => database[Symbol.asyncDispose]());

  it('are stored once for their tenant and persona', async () => {
    const { id: persona } = await inTenant(database.db, 'default', (tx) =>
      createPersona(tx, who, PersonaInput.parse({ name: 'Tea drinker' })),
    );
    const first = await store('Ada likes  tea');
    assert.equal(first.deduplicated, false);
    assert.deepEqual(await store('ada LIKES tea\n'), { id: first.id, deduplicated: true, supersedes: [] });
    assert.equal((await store('Ada likes tea', { persona_id: persona })).deduplicated, false);
    assert.equal((await store('Ada likes tea', {}, 'other')).deduplicated, false);
    assert.deepEqual(await texts('tea', { top_k: 9, persona_id: persona }), ['Ada likes tea']);
    await assert.rejects(store('Ada likes tea', { persona_id: randomUUID() }), /names no persona/);
    assert.equal((await store('Ada likes tea', { persona_id: 'Tea-Drinker' })).deduplicated, true);
    assert.deepEqual(await texts('tea', { persona_id: 'tea-drinker' }), ['Ada likes tea']);
    assert.deepEqual(
      await Promise.all([persona, null, undefined].map(async (of) => (await find('tea', { persona_id: of })).length)),
      [1, 1, 2],
    );
    await assert.rejects(find('tea', { persona_id: 'nobody' }), { reason: 'not_found' });
    await assert.rejects(store('Ada likes tea', { persona_id: 'nobody' }), /names no persona/);
  });

  it('are narrowed by their tags and their time, however many others fit better', async () => {
    for (let n = 0; n < 30; n += 1) await store(`Tea, tea and more tea, ${n} of it`);
    const { id } = await store('Once there was tea in the kitchen', { tags: ['kitchen', 'drinks'] });
    await database.db
      .updateTable('memories')
      .set({ created_at: new Date('2026-03-01T10:00:00Z') })
      .where('id', '=', id)
      .execute();
    const session = randomUUID();
    await say(session, 'is there tea?');
    const only = async (fields: object) => (await find('tea', { top_k: 2, ...fields })).map((match) => match.id);
    assert.deepEqual(await only({ tags: ['drinks', 'kitchen'] }), [id]);
    assert.deepEqual(await only({ tags: ['drinks', 'garage'] }), []);
    assert.deepEqual(await only({ to: '2026-03-01T10:00:01Z' }), [id]);
    assert.deepEqual(await only({ from: '2026-03-01T11:00:00+01:00', to: '2026-03-01T10:00:00.001Z' }), [id]);
    assert.deepEqual(await only({ to: '2026-03-01T10:00:00Z' }), []);
    const messages = { kinds: ['message'], top_k: 9 };
    assert.deepEqual(await only({ ...messages, from: '2026-03-01T10:00:00Z' }), [`${session}:1`]);
    assert.deepEqual(await only({ ...messages, tags: ['drinks'] }), []);
    // What came in its place has no such tag: it is named, and not answered.
    const newer = await store('Once there was no tea in the kitchen');
    assert.deepEqual(newer.supersedes, [id]);
    const [old] = await find('tea', { tags: ['kitchen'] });
    assert.deepEqual([old!.id, old!.superseded_by], [id, newer.id]);
  });

  it('fade with age where that is asked for, however deep the newer one stands', async () => {
    const { id: old } = await store('tea tea tea');
    const created_at = new Date(Date.now() - 60 * 86_400_000);
    await database.db.updateTable('memories').set({ created_at }).where('id', '=', old).execute();
    for (let n = 0; n < 20; n += 1) await store(`Number ${n} of many that name tea, beside other things`);
    const { id: fresh } = await store('Long, long ago somebody thought of something hot to drink, and it was tea');
    const order = async (fields: object) => (await find('tea', { top_k: 50, ...fields })).map((match) => match.id);
    const plain = await order({});
    assert.equal(plain[0], old);
    assert.ok(plain.indexOf(fresh) > 0);
    assert.equal((await order({ half_life_days: 5 })).at(-1), old);
    assert.deepEqual(await order({ half_life_days: 36_500 }), plain);
    assert.notEqual((await order({ half_life_days: 5, top_k: 1 }))[0], old);
    const [{ score } = { score: 0 }] = await find('tea', { half_life_days: 60, top_k: 50 });
    assert.ok(score > 0);
  });

  it('are forgotten for an agent where they are its persona’s or of none, and only once', async () => {
    const { id: persona } = await inTenant(database.db, 'default', (tx) =>
      createPersona(tx, who, PersonaInput.parse({ name: 'Gardener' })),
    );
    const [mine, common] = [await store('Roses like horns', { persona_id: persona }), await store('Roses like sun')];
    const drop = (personaId: string | null, id: string, tenantId = 'default') =>
      inTenant(database.db, tenantId, (tx) => forgetAs(tx, { ...who, tenantId }, personaId, id));
    assert.equal(await drop(null, mine.id), false);
    assert.equal(await drop(persona, mine.id, 'other'), false);
    assert.equal((await find('roses')).length, 2);
    assert.deepEqual([await drop(persona, mine.id), await drop(persona, mine.id)], [true, false]);
    assert.equal(await drop(persona, common.id), true);
    assert.deepEqual(await find('roses'), []);
  });

  it('remembered twice at once are one', async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => store('The build runs at noon')));
    assert.equal(new Set(answers.map(({ id }) => id)).size, 1);
    assert.equal(answers.filter(({ deduplicated }) => !deduplicated).length, 1);
  });

  it('stay one however often and in whatever shape a text is remembered', async () => {
    const text = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 200 })
      .filter((value) => value.trim() !== '' && !value.includes('\u0000'));
    await fc.assert(
      fc.asyncProperty(text, fc.constantFrom(' ', '\n', '\t\u00a0', ''), async (value, space) => {
        const { id } = await store(value);
        assert.deepEqual(await store(`${space}${value}${space}`), { id, deduplicated: true, supersedes: [] });
        assert.deepEqual(await store(value), { id, deduplicated: true, supersedes: [] });
      }),
      cases(40),
    );
  });

  it('last as long as they were last asked to', async () => {
    const { id } = await store('The door code is 4711', { ttl_s: 60 });
    assert.deepEqual(await store('the door code is 4711', { ttl_s: 120 }), { id, deduplicated: true, supersedes: [] });
    assert.deepEqual(await store('the door code is 4711', { ttl_s: 10 }), { id, deduplicated: true, supersedes: [] });
    await passTime(database, 90_000);
    assert.deepEqual(await texts('door code'), ['The door code is 4711']);
    assert.deepEqual(await store('the door code is 4711'), { id, deduplicated: true, supersedes: [] });
    await passTime(database, 10 * 365 * 86_400_000);
    assert.equal((await find('door code')).length, 1);
  });

  it('are gone when their time is over, and can be stored anew', async () => {
    const { id } = await store('The meeting is at nine', { ttl_s: 60 });
    await passTime(database, 61_000);
    assert.deepEqual(await find('meeting'), []);
    const again = await store('the meeting is at NINE', { tags: ['new'] });
    assert.notEqual(again.id, id);
    assert.equal(again.deduplicated, false);
    assert.deepEqual(
      (await find('meeting')).map(({ tags }) => tags),
      [['new']],
    );
  });

  it('are found by any of a query’s words, in any form, the best first', async () => {
    await store('Foxes run through the garden every night');
    await store('The garden has a pond');
    await store('Invoices are paid on Fridays');
    assert.deepEqual(await texts('running fox in a garden'), [
      'Foxes run through the garden every night',
      'The garden has a pond',
    ]);
    assert.deepEqual(await find('the of and'), []);
    assert.deepEqual(await find('submarine'), []);
    assert.equal((await find('garden', { top_k: 1 })).length, 1);
  });

  it('of equal rank come newest first, the same way each time', async () => {
    for (const day of ['Monday', 'Tuesday', 'Sunday']) await store(`Backup finished ${day}`);
    const expected = ['Backup finished Sunday', 'Backup finished Tuesday', 'Backup finished Monday'];
    for (let i = 0; i < 3; i++) assert.deepEqual(await texts('backup'), expected);
  });

  it('say where they came from', async () => {
    const [sessionId, runId] = [randomUUID(), randomUUID()];
    const { id } = await store('Ada plays chess', { tags: [`a"b'c\\d,{}`, 'null', '🦊', 'null'], sessionId, runId });
    const [match] = await find('chess');
    assert.ok(match !== undefined && match.score > 0 && !Number.isNaN(Date.parse(match.created_at)));
    assert.deepEqual(
      [match.id, match.kind, match.tags, match.source],
      [id, 'memory', [`a"b'c\\d,{}`, 'null', '🦊'], { session_id: sessionId, run_id: runId }],
    );
    const [row, ...rest] = await database.db.selectFrom('audit').selectAll().execute();
    assert.deepEqual(
      [row?.action, row?.actor, row?.trace_id, row?.run_id, row?.details, rest],
      ['MEMORY_STORED', 'ada', 'trace-1', runId, { memory: id }, []],
    );
  });

  it('keep hostile text as it is and find it again', async () => {
    const hostile = [
      `zebra'); drop table memories; --`,
      'zebra <img src=x onerror=alert(1)>',
      'zebra " \\ & | ! ( ) : * <-> \'',
      'zebra 👩‍👩‍👧 𝕏 \u202e',
      `zebra ${'x '.repeat(9_997)}`,
    ];
    for (const text of hostile) await store(text);
    const found = await texts('zebra', { top_k: 100 });
    assert.deepEqual([...found].sort(), [...hostile].sort());
  });

  it('are searched with any query without failing', async () => {
    await store("It costs 5 at http://example.com/a?b=c, said o’Neill: 'quoted' \\ back");
    const nasty = [
      '\u0000',
      '\ud800',
      '!',
      '&',
      '|',
      `'`,
      `''`,
      '\\',
      `\\'`,
      `a:*`,
      `a & !b | (c`,
      '<->',
      `'); select 1; --`,
      'a_'.repeat(1000),
      `o'neill`,
      'x'.repeat(2000),
      Array.from({ length: 600 }, (_, n) => `${n}z`)
        .join(' ')
        .slice(0, 2000),
      'http://example.com/a?b=c',
    ];
    const query = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }),
      fc.string({ minLength: 1, maxLength: 300 }),
      fc.constantFrom(...nasty),
    );
    await fc.assert(
      fc.asyncProperty(query, async (value) => {
        const input = { query: value, top_k: 5, kinds: ['memory' as const, 'message' as const] };
        assert.ok(
          Array.isArray(
            await inTenant(database.db, 'default', async (tx) => (await recall(tx, 'default', input)).matches),
          ),
        );
      }),
      { ...cases(60), examples: nasty.map((value): [string] => [value]) },
    );
    assert.equal((await find(`'quoted' & !costs`)).length, 1);
    assert.equal((await find('http://example.com/a?b=c')).length, 1);
  });

  it('are searched together with the messages of sessions where that is asked', async () => {
    const sessionId = randomUUID();
    await say(sessionId, 'the harbour is closed', 'nothing to see', `${'padding '.repeat(50)} harbour`);
    await store('The harbour opens at six in the morning');
    const matches = await find('harbour', { kinds: ['memory', 'message'] });
    const names = matches.map(({ kind, id }) => (kind === 'message' ? id : kind));
    assert.deepEqual([names[0], names.length], [`${sessionId}:1`, 4]);
    assert.equal(names.at(-1), `${sessionId}:2`, 'what only was said beside it comes last');
    assert.deepEqual(matches[0]?.source, { session_id: sessionId, run_id: null });
    assert.deepEqual(
      (await find('harbour', { kinds: ['message'], top_k: 1 })).map(({ id }) => id),
      [`${sessionId}:1`],
    );
    assert.deepEqual(
      (await find('harbour')).map(({ kind }) => kind),
      ['memory'],
    );
  });

  it('are found among messages that are hard to parse in a second or two', async () => {
    await say(
      randomUUID(),
      'the lighthouse',
      ...Array.from({ length: 40 }, (_, n) => ['a_', '~/', '<!--'][n % 3]!.repeat(5_000)),
    );
    const startedAt = performance.now();
    const [first, ...neighbors] = await find('lighthouse', { kinds: ['message'] });
    assert.deepEqual([first?.text, neighbors.length], ['the lighthouse', 2]);
    assert.ok(performance.now() - startedAt < 5_000);
  });

  it('are found by names whole and by part, and in languages beside English', async () => {
    await store('The settings are in /etc/reeve/config.yaml and memory_service.ts calls getUserById');
    await store('我们在北京大学学习机器学习');
    await store('Die Brücke über den Fluss ist gesperrt');
    for (const query of ['/etc/reeve/config.yaml', 'config', 'service', 'memory_service.ts', 'user', 'getUserById'])
      assert.match((await texts(query))[0] ?? '', /^The settings/, query);
    assert.deepEqual(await texts('北京'), ['我们在北京大学学习机器学习']);
    assert.deepEqual(await texts('brücken BRÜCKE'), ['Die Brücke über den Fluss ist gesperrt']);
  });

  it('leave none of their words behind when they are forgotten, or stored anew after their time', async () => {
    const words = async () => {
      const { rows } = await sql<{ term: string }>`select term from lexical_terms order by term`.execute(database.db);
      return rows.map(({ term }) => term);
    };
    const { id } = await store('Ada plays chess');
    await store('Ada paints');
    await inTenant(database.db, 'default', (tx) => forget(tx, who, id));
    assert.deepEqual(await words(), ['ada', 'paint']);
    await store('Short lived', { ttl_s: 1 });
    await passTime(database, 2_000);
    await store('short LIVED');
    assert.deepEqual(await words(), ['ada', 'live', 'paint', 'short']);
    assert.equal((await find('lived')).length, 1);
    const entries = await database.db.selectFrom('lexical_entries').select('ref').execute();
    assert.equal(entries.length, 2);
  });

  it('beyond the first that are found, are looked for until there are enough that have not expired', async () => {
    for (let n = 0; n < 12; n += 1) await store(`tulip ${'tulip '.repeat(n)}`, { ttl_s: n < 2 ? 3_600 : 1 });
    await passTime(database, 2_000);
    assert.equal((await find('tulip', { top_k: 2 })).length, 2);
  });

  it('are offered to a prompt with their source, the chance matches left out', async () => {
    const { id } = await store('Ada prefers short answers');
    await store(`prefers ${Array.from({ length: 2_000 }, (_, n) => `word${n}`).join(' ')}`);
    const prompt = `Which answers does Ada prefer? ${'Consider timing, length, format and audience before you reply. '.repeat(300)}`;
    assert.equal((await find(prompt.slice(0, 2_000))).length, 2);
    const context = await inTenant(database.db, 'default', (tx) => recallContext(tx, 'default', null, prompt, 5));
    assert.deepEqual(context, [{ text: 'Ada prefers short answers', source: `memory ${id}` }]);
    assert.deepEqual(await inTenant(database.db, 'default', (tx) => recallContext(tx, 'default', null, '🦊', 5)), []);
  });

  it('are forgotten on request, and the audit log says so', async () => {
    const { id } = await store('A secret');
    await inTenant(database.db, 'default', (tx) => forget(tx, who, id));
    assert.deepEqual(await find('secret'), []);
    await assert.rejects(
      inTenant(database.db, 'default', (tx) => forget(tx, who, id)),
      { reason: 'not_found' },
    );
    const rows = await database.db.selectFrom('audit').select(['action', 'details']).orderBy('at').execute();
    assert.deepEqual(rows, [
      { action: 'MEMORY_STORED', details: { memory: id } },
      { action: 'MEMORY_DELETED', details: { memory: id } },
    ]);
  });

  it('are changed, found by what they say now, and listed, the newest first', async () => {
    const { id } = await store('The key is under the mat', { tags: ['home'] });
    const other = await store('The cat is called Fox');
    const change = (patch: object, tenantId = 'default') =>
      inTenant(database.db, tenantId, (tx) => updateMemory(tx, { ...who, tenantId }, id, patch, DEFAULT_RULES));
    const changed = await change({ text: 'The key is in the shed', tags: ['garden', 'garden'], ttl_s: 3_600 });
    assert.deepEqual([changed.text, changed.tags], ['The key is in the shed', ['garden']]);
    assert.ok(Date.parse(changed.expires_at!) > Date.now());
    assert.deepEqual(await texts('shed'), ['The key is in the shed']);
    assert.deepEqual(await texts('mat'), []);
    assert.equal((await change({ ttl_s: null })).expires_at, null);
    await assert.rejects(change({ text: 'the cat is  called FOX' }), { reason: 'conflict' });
    assert.deepEqual(await texts('cat'), ['The cat is called Fox']);
    await assert.rejects(change({ text: 'mine now' }, 'other'), { reason: 'not_found' });
    const list = (filter: object) =>
      inTenant(database.db, 'default', (tx) => listMemoryRows(tx, 'default', filter, { limit: 1, offset: 0 }));
    const { memories, total } = await list({});
    assert.deepEqual([memories.map((memory) => memory.id), total], [[other.id], 2]);
    assert.deepEqual((await list({ tag: 'garden' })).memories, [await change({ tags: ['garden'] })]);
    assert.equal((await list({ personaId: randomUUID() })).total, 0);
  });

  it('become one, which stands where either came in the place of others', async () => {
    const { id: persona } = await inTenant(database.db, 'default', (tx) =>
      createPersona(tx, who, PersonaInput.parse({ name: 'Landlord' })),
    );
    const card = await store('Ada pays the rent by card', { tags: ['card'] });
    const old = await store('The rent is 900 euros');
    const rent = await store('The rent is 950 euros');
    assert.deepEqual(rent.supersedes, [old.id]);
    const theirs = await store('The rent is 950 euros', { persona_id: persona });
    const change = (patch: object, id = card.id) =>
      inTenant(database.db, 'default', (tx) => updateMemory(tx, who, id, MemoryPatch.parse(patch), DEFAULT_RULES));
    for (const absorbs of [[card.id], [rent.id, theirs.id]])
      await assert.rejects(change({ absorbs }), { reason: 'invalid_request' });
    await assert.rejects(change({ absorbs: [randomUUID()] }), { reason: 'not_found' });
    assert.equal((await find('rent', { persona_id: null })).length, 3);
    const text = 'The rent is 950 euros';
    const merged = await change({ text, absorbs: [rent.id], tags: ['card', 'rent'] });
    assert.deepEqual([merged.text, merged.tags, merged.superseded_by], [text, ['card', 'rent'], null]);
    const found = await find('rent', { persona_id: null });
    assert.deepEqual(
      found.map((match) => [match.id, match.superseded_by]),
      [
        [card.id, null],
        [old.id, card.id],
      ],
    );
    // The one that came in its place is absorbed: it holds again, and no two stand in each other's.
    assert.equal((await change({ absorbs: [card.id] }, old.id)).superseded_by, null);
    assert.deepEqual(
      (await find('rent', { persona_id: null })).map((match) => match.id),
      [old.id],
    );
  });

  it('are not there for another tenant', async () => {
    const { id } = await store('The vault is behind the painting');
    await say(randomUUID(), 'the vault, the vault');
    for (const tenantId of ['other', 'default']) {
      const input = RecallInput.parse({ query: 'vault', kinds: ['memory', 'message'] });
      assert.deepEqual(
        await inTenant(database.db, 'other', async (tx) => (await recall(tx, tenantId, input)).matches),
        [],
      );
      await assert.rejects(
        inTenant(database.db, 'other', (tx) => forget(tx, { ...who, tenantId }, id)),
        { reason: 'not_found' },
      );
    }
    assert.equal((await find('vault')).length, 1);
  });
});
