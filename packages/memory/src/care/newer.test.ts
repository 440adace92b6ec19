// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { PersonaInput, RecallInput, RememberInput } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { openTestDatabase, passTime } from '@reeve/testing';
import { sql } from 'kysely';
import { createPersona } from '../knowledge/personas.ts';
import { forget, recall, recallContext, remember, requireMemory, updateMemory } from '../memories.ts';
import { forgetAll } from './forget-all.ts';
import { DEFAULT_RULES } from './sensitive.ts';

const who = { tenantId: 'default', userId: 'ada', traceId: 'trace-1' };

/** Facts that changed: what was so, what is so now, and what is asked. */
const CHANGES = ['Ada', 'Bob', 'Cleo', 'Dan', 'Eve'].flatMap((name, at) => [
  [`${name} lives in Berlin`, `${name} lives in Munich`, `Where does ${name} live? Berlin?`],
  [`The rent of ${name} is ${900 + at} euros`, `The rent of ${name} is ${950 + at} euros`, `rent ${name} ${900 + at}`],
  [`${name} likes tea`, `${name} does not like tea`, `What does ${name} like`],
  [`The cat of ${name} is called Fox`, `The cat of ${name} is called Bella`, `${name} cat Fox`],
  [`${name}'s favorite color is blue`, `${name}'s favorite color is green`, `favorite color blue of ${name}`],
]);

describe('memories that say the same or something else', () => {
  let database: Database;
  const store = (text: string, fields: object = {}) =>
    inTenant(database.db, 'default', (tx) =>
      remember(tx, who, { ...RememberInput.parse({ text }), ...fields }, DEFAULT_RULES),
    );
  const find = (query: string, fields: object = {}) =>
    inTenant(
      database.db,
      'default',
      async (tx) => (await recall(tx, 'default', RecallInput.parse({ query, ...fields }))).matches,
    );
  const texts = async (...args: Parameters<typeof find>) => (await find(...args)).map(({ text }) => text);
  const persona = async () =>
    (await inTenant(database.db, 'default', (tx) => createPersona(tx, who, PersonaInput.parse({ name: 'Some' })))).id;
  const get = (id: string) => inTenant(database.db, 'default', (tx) => requireMemory(tx, 'default', id));

  before(async () => void (database = await openTestDatabase()));
  beforeEach(async () => {
    for (const table of ['memories', 'lexical_entries', 'lexical_terms', 'lexical_blocks', 'lexical_spaces'] as const)
      await database.db.deleteFrom(table).execute();
  });
  after(() => database[Symbol.asyncDispose]());

  it('are one where the new one says nothing new, with the tags of both', async () => {
    const { id } = await store('Ada prefers the green tea', { tags: ['taste'], ttl_s: 60 });
    const again = await store('ada prefers green tea!', { tags: ['drink', 'taste'] });
    assert.deepEqual(again, { id, deduplicated: true, supersedes: [] });
    const { text, tags, expires_at } = await get(id);
    assert.deepEqual([text, tags, expires_at], ['Ada prefers the green tea', ['taste', 'drink'], null]);
    assert.equal((await store('ada prefers green tea', { persona_id: await persona() })).deduplicated, false);
    await store('Ada prefers green tea', { tags: Array.from({ length: 50 }, (_, n) => `tag ${n}`) });
    assert.equal((await get(id)).tags.length, 50);
  });

  it('are found newest first where they contradict each other, however the question is put', async () => {
    for (const [before] of CHANGES) await store(before!);
    for (const [, now] of CHANGES) assert.equal((await store(now!)).supersedes.length, 1, now);
    for (const [before, now, question] of CHANGES) {
      const [only] = await find(question!, { top_k: 1 });
      assert.equal(only?.text, now, question);
      const found = await find(question!, { top_k: 50 });
      const old = found.find(({ text }) => text === before)!;
      assert.ok(found.findIndex(({ text }) => text === now) < found.indexOf(old), question);
      assert.equal(old.superseded_by, only!.id);
      assert.deepEqual(
        found.map(({ score }) => score),
        found.map(({ score }) => score).toSorted((a, b) => b - a),
      );
    }
  });

  it('are told to a model only as they are now', async () => {
    await store('Ada lives in Berlin');
    const { id } = await store('Ada lives in Munich');
    const context = await inTenant(database.db, 'default', (tx) =>
      recallContext(tx, 'default', null, 'Is it Berlin where Ada lives?', 5),
    );
    assert.deepEqual(context, [{ text: 'Ada lives in Munich', source: `memory ${id}` }]);
  });

  it('hold again when they are said again, or what came in their place is forgotten, changed or over', async () => {
    const berlin = await store('Ada lives in Berlin');
    const munich = await store('Ada lives in Munich');
    assert.deepEqual(munich.supersedes, [berlin.id]);
    const back = await store('Ada lives in Berlin');
    assert.deepEqual(back, { id: berlin.id, deduplicated: true, supersedes: [munich.id] });
    assert.deepEqual(await texts('Ada'), ['Ada lives in Berlin', 'Ada lives in Munich']);
    assert.deepEqual([(await get(berlin.id)).superseded_by, (await get(munich.id)).superseded_by], [null, berlin.id]);

    await inTenant(database.db, 'default', (tx) => forget(tx, who, berlin.id));
    assert.equal((await get(munich.id)).superseded_by, null);

    const rome = await store('Ada lives in Rome', { ttl_s: 60 });
    assert.equal((await get(munich.id)).superseded_by, rome.id);
    await passTime(database, 61_000);
    assert.deepEqual(
      (await find('Ada')).map(({ id, superseded_by }) => [id, superseded_by]),
      [[munich.id, null]],
    );

    const oslo = await store('Ada lives in Oslo');
    const change = (text: string) =>
      inTenant(database.db, 'default', (tx) => updateMemory(tx, who, oslo.id, { text }, DEFAULT_RULES));
    await change('Bob lives in Oslo');
    assert.equal((await get(munich.id)).superseded_by, null);
    await change('Ada lives in Oslo');
    assert.equal((await get(munich.id)).superseded_by, oslo.id);
  });

  it('follow one another over several changes', async () => {
    const ids: string[] = [];
    for (const city of ['Berlin', 'Munich', 'Rome', 'Oslo']) ids.push((await store(`Ada lives in ${city}`)).id);
    const found = await find('Berlin');
    assert.deepEqual([found[0]?.id, found[1]?.id], [ids.at(-1), ids[0]]);
    assert.deepEqual(
      [(await find('Ada', { top_k: 9 }))[0]?.id, (await find('Ada', { top_k: 9 })).length],
      [ids.at(-1), 4],
    );
  });

  it('written by several at once leave one that holds', async () => {
    const cities = ['Berlin', 'Munich', 'Rome', 'Oslo', 'Turin', 'Paris'];
    await Promise.all(cities.map((city) => store(`Ada lives in ${city}`)));
    const rows = await database.db.selectFrom('memories').select(['id', 'superseded_by']).execute();
    const holding = rows.filter(({ superseded_by }) => superseded_by === null);
    assert.deepEqual([rows.length, holding.length], [6, 1]);
    const same = await Promise.all(cities.map((_, at) => store(`Ada${'!'.repeat(at)} sleeps, late`)));
    assert.equal(new Set(same.map(({ id }) => id)).size, 1);
    assert.equal(same.filter(({ deduplicated }) => !deduplicated).length, 1);
  });

  it('are all gone, or found, when everything is forgotten while others remember', async () => {
    const names = Array.from({ length: 12 }, (_, at) => `name${at}`);
    const personas = [null, await persona(), await persona()];
    await store('Something from before');
    await Promise.all([
      ...names.map((name, at) => store(`${name} reads`, { persona_id: personas[at % 3] })),
      inTenant(database.db, 'default', (tx) => forgetAll(tx, who, undefined)),
      ...names.map((name, at) => store(`${name} writes`, { persona_id: personas[at % 3] })),
    ]);
    const ids = (rows: readonly { id: string }[]) => rows.map(({ id }) => id).toSorted();
    const memories = await database.db.selectFrom('memories').select('id').execute();
    const entries = await database.db.selectFrom('lexical_entries').select('ref as id').execute();
    assert.deepEqual(ids(entries), ids(memories));
    assert.deepEqual(await texts('before'), []);
    await inTenant(database.db, 'default', (tx) => forgetAll(tx, who, undefined));
    assert.equal((await database.db.selectFrom('lexical_terms').select('term').execute()).length, 0);
    const { id } = await store('Something from after');
    const { rows } = await sql<{ entry: number }>`select entry from lexical_entries where ref = ${id}`.execute(
      database.db,
    );
    assert.ok(rows[0]!.entry > 1, 'its number is one that nobody had');
  });
});
