// runs on: both databases
import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { after, before, beforeEach, describe, it } from 'node:test';
import { PersonaInput, RecallInput } from '@reeve/contract';
import { createLog, MASKED, metrics, newId, silentLog, sleep } from '@reeve/kit';
import { openTestDatabase, passTime, startExternalMemory, type TestExternalMemory } from '@reeve/testing';
import { cases } from '@reeve/testing/cases';
import { asTenant } from '../../test/tables.ts';
import fc from 'fast-check';
import { DEFAULT_RULES, memoryRules } from '../care/sensitive.ts';
import { contextFor } from '../context.ts';
import { createPersona } from '../knowledge/personas.ts';
import { forget, recall, recallAs, updateMemory } from '../memories.ts';
import { openExternalQuery } from './query.ts';
import { merge } from './rank.ts';
import { createExternalSender } from './sender.ts';
import { openExternalPlace, type ExternalPlace } from '../../test/external-setup.ts';

type Place = ExternalPlace<TestExternalMemory>;

const who = { tenantId: 'default', userId: 'ada', traceId: 'trace-1' };
const { signal } = new AbortController();

describe('recall with an external memory', () => {
  let place: Place;
  let database: Place['database'];
  let there: Place['there'];
  before(async () => {
    place = openExternalPlace(await openTestDatabase(), await startExternalMemory());
    ({ database, there } = place);
  });
  beforeEach(() => place.reset());
  after(() => place[Symbol.asyncDispose]());

  const backend = () => place.backend({ recallMs: 300 });
  const send = () => createExternalSender(database, backend(), silentLog, { restMs: 1 }).round(signal);
  const ask = (options = {}) => openExternalQuery(backend(), undefined, async () => DEFAULT_RULES, silentLog, options);
  const say = async (...input: Parameters<Place['say']>) => (await place.say(...input)).id;
  const persona = async (name: string) =>
    (await asTenant(database, (tx) => createPersona(tx, who, PersonaInput.parse({ name })))).id;
  const find = async (
    query: string,
    { asker = ask(), ...input } = {} as { asker?: ReturnType<typeof ask>; [field: string]: unknown },
  ) => {
    const asked = await asker('default', query);
    const wanted = RecallInput.parse({ query, ...input });
    const { matches, backend: by } = await asTenant(database, (tx) => recall(tx, 'default', wanted, asked));
    return { by, matches, texts: matches.map(({ text }) => text) };
  };

  it('finds what the backend finds and no word does, with its scores', async () => {
    await say('The vehicle is red');
    await say('Lentils need an hour');
    await send();
    const { by, matches } = await find('car', { top_k: 1 });
    assert.deepEqual([by, matches[0]!.text, matches[0]!.score], ['external', 'The vehicle is red', 0.5]);
  });

  it('answers only what is remembered here, for this tenant, for this persona, and not over', async () => {
    const [mine, theirs] = [await persona('Mine'), await persona('Theirs')];
    const [own, other, elsewhere, gone] = [
      await say('The vehicle is red', { persona_id: mine }),
      await say('The vehicle is blue', { persona_id: theirs }),
      await say('The vehicle is green', { tenantId: 'other' }),
      await say('The vehicle is gray', { persona_id: mine }),
    ];
    await send();
    await asTenant(database, (tx) => forget(tx, who, gone));
    there.more = [
      ...[other, elsewhere, gone, newId(), own].map((key) => ({ score: 99, payload: { key, text: 'hostile text' } })),
      { score: 99, payload: { key: "'; drop table memories" } },
      { score: 99, payload: null },
      { score: null, payload: { key: own } },
      'garbage',
    ];
    const { by, matches } = await find('car', { persona_id: mine, top_k: 50 });
    assert.equal(by, 'external');
    assert.deepEqual(
      matches.map(({ id, text }) => [id, text]),
      [[own, 'The vehicle is red']],
    );
    const all = await find('car', { top_k: 50 });
    assert.deepEqual(all.texts.sort(), ['The vehicle is blue', 'The vehicle is red']);
    const asked = await ask()('default', 'car');
    const shown = await asTenant(database, (tx) =>
      recallAs(tx, 'default', null, { query: 'car', top_k: 50, kinds: ['memory'] }, asked),
    );
    assert.deepEqual(shown, { matches: [], backend: 'external' });
  });

  it('is not asked with what the tenant’s rules keep out of memory', async () => {
    const rules = memoryRules({ extract: false, secrets: 'refuse', refuse: ['project \\w+'], mask: ['room \\d+'] });
    const asked: string[] = [];
    const asker = openExternalQuery(backend(), undefined, async (tenantId) => (asked.push(tenantId), rules), silentLog);
    const key = `sk-${'a1'.repeat(20)}`;
    await asker('default', `where is ${key} of project Falcon in room 12?`);
    // At the end of what is sent, where only a part of it is left.
    await asker('other', `${'word '.repeat(398)}${key}`);
    const queries = there.requests.map(({ body }) => body['query'] as string);
    assert.equal(queries[0], `where is ${MASKED} of ${MASKED} in ${MASKED}?`);
    assert.ok(queries[1]!.endsWith(`word ${MASKED}`), queries[1]!.slice(-30));
    assert.deepEqual(asked, ['default', 'other']);
  });

  it('finds what the backend was not told yet, where its words put it', async () => {
    for (let n = 0; n < 10; n += 1) await say(`Vehicle ${n} is in hall ${n * 7}`);
    await send();
    const late = await say('The car of Ada is the fast one');
    const { by, matches } = await find('car of Ada', { top_k: 3 });
    assert.deepEqual([by, matches[0]!.id, matches.length], ['external', late, 3]);
    assert.ok(matches.every(({ score }, at) => at === 0 || matches[at - 1]!.score >= score));
  });

  it('does not find a text that was taken back, though the backend has it still', async () => {
    const id = await say('The vehicle is red');
    await send();
    await asTenant(database, (tx) => updateMemory(tx, who, id, { text: 'Lentils need an hour' }, DEFAULT_RULES));
    assert.deepEqual((await find('car')).texts, []);
    assert.deepEqual((await find('lentils')).texts, ['Lentils need an hour']);
  });

  it('leaves out of what the backend finds what has not the tags, or is of another time', async () => {
    await say('The vehicle is red', { tags: ['garage'] });
    await say('The vehicle of Bob has a dent');
    await send();
    assert.deepEqual((await find('car', { tags: ['garage'] })).texts, ['The vehicle is red']);
    assert.deepEqual((await find('car', { to: '2020-01-01T00:00:00Z' })).texts, []);
  });

  it('fills what the backend misses with what words find', async () => {
    await say('The vehicle is red');
    await say('A lamp stands in the hall');
    await send();
    there.tenants.get('reeve.default')!.clear();
    const { by, texts } = await find('lamp');
    assert.deepEqual([by, texts], ['external', ['A lamp stands in the hall']]);
  });

  it('ranks a memory that supersedes another ahead of it', async () => {
    await say('The rent is 900 euros');
    await say('The rent is 950 euros');
    await send();
    assert.deepEqual((await find('rent 900 euros', { top_k: 2 })).texts, [
      'The rent is 950 euros',
      'The rent is 900 euros',
    ]);
  });

  it('leaves messages to the built-in search', async () => {
    assert.equal((await find('car', { kinds: ['message'] })).by, 'built_in');
  });

  it('answers by itself at once where the backend does not, and says so', async () => {
    await say('The vehicle is red');
    await send();
    const lines: string[] = [];
    const destination = new Writable({
      write(line: Buffer, _, done) {
        lines.push((JSON.parse(line.toString()) as { message: string }).message);
        done();
      },
    });
    const log = createLog('test', { level: 'info', format: 'json', destination });
    const asker = openExternalQuery(backend(), undefined, async () => DEFAULT_RULES, log, { resetMs: 200 });
    for (const fault of [{ status: 500 }, { answer: 'garbage' }, 'silent'] as const) {
      there.fault = () => fault;
      const began = performance.now();
      assert.deepEqual(await find('vehicle', { asker }).then(({ by, texts }) => [by, texts]), [
        'fallback',
        ['The vehicle is red'],
      ]);
      assert.ok(performance.now() - began < 3_000);
    }
    assert.equal(asker.circuit(), 'open');
    there.fault = undefined;
    const before = there.requests.length;
    assert.equal((await find('vehicle', { asker })).by, 'fallback');
    assert.equal(there.requests.length, before, 'it is not asked while its circuit is open');
    await sleep(250);
    assert.equal(asker.circuit(), 'closed', 'nobody knows that it would not answer');
    assert.equal((await find('car', { asker })).by, 'external');
    assert.equal(asker.circuit(), 'closed');
    assert.deepEqual(lines, [
      'the external memory does not answer; the built-in one does',
      'the external memory is not asked for a while',
      'the external memory answers again',
    ]);
    const printed = await metrics.metrics();
    for (const line of [
      /reeve_external_memory_recalls_total\{outcome="timeout"\} [1-9]/,
      /reeve_external_memory_recalls_total\{outcome="circuit_open"\} [1-9]/,
      /reeve_external_memory_circuit 0/,
      /reeve_external_memory_told_total\{outcome="stored"\} [1-9]/,
    ])
      assert.match(printed, line);
  });

  it('shows a run what the backend finds near, and nothing that it finds far', async () => {
    await say('The vehicle is red');
    await say('Lentils need an hour of cooking in a large pot');
    await send();
    const asked = await ask()('default', 'which car');
    const items = await asTenant(database, (tx) =>
      contextFor(tx, { tenantId: 'default', personaId: null, query: 'which car', asked }),
    );
    assert.deepEqual(
      items.map(({ text }) => text),
      ['The vehicle is red'],
    );
  });

  it('is whole without a query, and without what is over', async () => {
    const id = await say('The vehicle is red');
    await send();
    await database.db.updateTable('memories').set({ expires_at: new Date() }).where('id', '=', id).execute();
    await passTime(database, 1_000);
    await database.db.updateTable('external_memories').set({ pending: false }).execute();
    assert.deepEqual((await find('car')).texts, []);
    const before = there.requests.length;
    assert.deepEqual(await find(' ').then(({ by, texts }) => [by, texts]), ['external', []]);
    assert.equal(there.requests.length, before);
  });

  it('keeps the backend’s order, loses nothing of either ranking and has nothing twice', () => {
    const ref = fc.integer({ min: 0, max: 12 }).map(String);
    const list = fc.uniqueArray(ref, { maxLength: 10 });
    fc.assert(
      fc.property(list, list, fc.uniqueArray(ref), (external, builtIn, told) => {
        const inStep = new Set([...told, ...external]);
        const found = (ids: readonly string[]) => ids.map((id) => ({ match: { id } }));
        const merged = merge(found(external), found(builtIn), inStep);
        const ids = merged.map(({ one }) => one.match.id);
        assert.deepEqual([...ids].sort(), [...new Set([...external, ...builtIn])].sort());
        const kept = merged.filter(({ isExternal }) => isExternal).map(({ one }) => one.match.id);
        assert.deepEqual(kept, external);
        for (const id of builtIn.filter((one) => !inStep.has(one)))
          assert.ok(ids.indexOf(id) <= builtIn.indexOf(id), 'what is not known yet stands no lower than here');
      }),
      cases(),
    );
  });
});
