// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { PersonaInput, RecallInput, type KnowledgeBase } from '@reeve/contract';
import type { Database } from '@reeve/db';
import { ReeveError, silentLog } from '@reeve/kit';
import { createTestEmbedder, embeddersOf, openTestDatabase, type TestEmbedder } from '@reeve/testing';
import { asTenant, emptyMemory } from '../test/tables.ts';
import { sql } from 'kysely';
import { forgetAll } from './care/forget-all.ts';
import { DEFAULT_RULES } from './care/sensitive.ts';
import { contextFor } from './context.ts';
import { openDocumentReader } from '@reeve/documents';
import { addDocument } from './knowledge/documents.ts';
import { createPersona } from './knowledge/personas.ts';
import { searchKnowledge } from './knowledge/search.ts';
import { forget, recall, remember } from './memories.ts';
import { createEmbeddingWorker, openQueryEmbedder, type EmbedQuery } from '@reeve/retrieval';
import { readSpaceTexts } from './space-texts.ts';

const who = { tenantId: 'default', userId: 'ada', traceId: 'trace-1' };
const signal = new AbortController().signal;

describe('hybrid search', () => {
  let database: Database;
  const reader = openDocumentReader();
  let model: TestEmbedder;
  let ask: EmbedQuery;
  before(async () => void (database = await openTestDatabase()));
  beforeEach(async () => {
    await emptyMemory(database);
    model = createTestEmbedder('test/one');
    ask = openQueryEmbedder(database, embeddersOf(model), silentLog, { patienceMs: 50, resetMs: 60_000 });
  });
  after(async () => {
    await reader[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  const fill = () =>
    createEmbeddingWorker(database, embeddersOf(model), readSpaceTexts, silentLog, { restMs: 1 }).round(signal);
  const say = (text: string, { tenantId = 'default', personaId = null as string | null } = {}) =>
    asTenant(
      database,
      (tx) => remember(tx, { ...who, tenantId }, { text, tags: [], persona_id: personaId }, DEFAULT_RULES),
      tenantId,
    );
  const persona = async (name: string) =>
    (await asTenant(database, (tx) => createPersona(tx, who, PersonaInput.parse({ name })))).id;
  const add = (personaId: string, base: KnowledgeBase, text: string, tags: readonly string[] = []) =>
    addDocument(
      { database, reader },
      who,
      personaId,
      base,
      { bytes: Buffer.from(text), name: '' },
      { tags: [...tags] },
      signal,
    );
  const find = async (query: string, fields: object = {}, tenantId = 'default') => {
    const asked = await ask(tenantId, query);
    const input = RecallInput.parse({ query, top_k: 100, ...fields });
    const { matches, retrieval } = await asTenant(database, (tx) => recall(tx, tenantId, input, asked), tenantId);
    return { retrieval, texts: matches.map(({ text }) => text), ids: matches.map(({ id }) => id) };
  };

  it('finds a paraphrase that shares no word with the query, and says so', async () => {
    await say('The physician acquired a vehicle');
    await say('Lentils need an hour');
    const query = 'which car did my doctor buy?';
    assert.deepEqual(await find(query), { retrieval: 'lexical', texts: [], ids: [] });
    await fill();
    const found = await find(query);
    assert.deepEqual([found.retrieval, found.texts[0]], ['hybrid', 'The physician acquired a vehicle']);
  });

  it('puts what fits by words and by meaning first', async () => {
    for (const text of ['The invoice 4711 is paid', 'A car is in the yard', 'Invoice for a vehicle, 4711', 'Lentils'])
      await say(text);
    await fill();
    assert.equal((await find('invoice of the automobile 4711')).texts[0], 'Invoice for a vehicle, 4711');
    // A name that no model knows is found by its word.
    assert.equal((await find('4711')).texts.includes('The invoice 4711 is paid'), true);
  });

  it('keeps to its persona, base, tags and tenant, though all say the same', async () => {
    const [one, other] = [await persona('One'), await persona('Other')];
    const mine = await say('a sedan for the surgeon', { personaId: one });
    for (const where of [{ personaId: other }, { tenantId: 'other' }, {}]) await say('a sedan for the surgeon', where);
    const tagged = await add(one, 'Domain-KB', 'A faulty vehicle stands in hall two.', ['fleet']);
    for (const n of Array(120).keys()) await add(one, 'Domain-KB', `A broken car, number ${n}.`);
    await add(one, 'Body-KB', 'A faulty vehicle stands here.', ['fleet']);
    await add(other, 'Domain-KB', 'A faulty vehicle stands in hall two.', ['fleet']);
    await fill();
    assert.deepEqual((await find('car doctor', { persona_id: one })).ids, [mine.id]);
    assert.equal((await find('car doctor', {}, 'other')).ids.length, 1);
    const query = 'damaged automobile';
    const asked = await ask('default', query);
    const search = (tags: string[]) =>
      asTenant(database, (tx) =>
        searchKnowledge(tx, 'default', {
          query,
          topK: 100,
          knowledgeBases: ['Domain-KB'],
          personaId: one,
          tags,
          asked,
        }),
      );
    const { matches, retrieval } = await search(['fleet']);
    assert.deepEqual([retrieval, matches.map(({ document_id }) => document_id)], ['hybrid', [tagged.id]]);
    assert.ok((await search([])).matches.every(({ persona_id }) => persona_id === one));
  });

  it('gives a run what is like its prompt, and leaves out what is far from it', async () => {
    const personaId = await persona('One');
    await say('The physician acquired a vehicle', { personaId });
    await say('Lentils need an hour', { personaId });
    await add(personaId, 'Domain-KB', 'Vacation is granted by the office.');
    await fill();
    const of = async (query: string) => {
      const asked = await ask('default', query);
      const items = await asTenant(database, (tx) => contextFor(tx, { tenantId: 'default', personaId, query, asked }));
      return items.map(({ text }) => text);
    };
    assert.ok((await of('my doctor wants to buy a car')).includes('The physician acquired a vehicle'));
    assert.ok(!(await of('my doctor wants to buy a car')).includes('Lentils need an hour'));
    assert.equal((await of('how do I take a holiday?'))[0], 'Vacation is granted by the office.');
  });

  it('is lexical at once while the model is down, slow or not there, and does not keep asking', async () => {
    await say('The car is red');
    await fill();
    const lexical = { retrieval: 'lexical', texts: ['The car is red'] };
    const { ids: _, ...found } = await find('car');
    assert.deepEqual(found, { ...lexical, retrieval: 'hybrid' });
    let calls = 0;
    model.fault = async () => {
      calls += 1;
      return new Promise<never>(() => undefined);
    };
    for (let n = 0; n < 6; n += 1) {
      const began = performance.now();
      const { ids: _, ...answer } = await find('car');
      assert.deepEqual(answer, lexical);
      if (n >= 3) assert.ok(performance.now() - began < 3_000);
    }
    assert.equal(calls, 3, 'the circuit is open after three');
    ask = openQueryEmbedder(database, { wanted: model, of: () => undefined }, silentLog);
    assert.equal((await find('car')).retrieval, 'lexical');
  });

  it('of a tenant without money is lexical, and stays hybrid for others', async () => {
    await say('The car is red');
    await say('The car is red', { tenantId: 'other' });
    await fill();
    const { embed } = model;
    model.embed = async (tenantId, ...rest) => {
      if (tenantId === 'default') throw new ReeveError('budget_exhausted', 'nothing left');
      return embed.call(model, tenantId, ...rest);
    };
    for (let n = 0; n < 5; n += 1) assert.equal((await find('car')).retrieval, 'lexical');
    assert.equal((await find('car', {}, 'other')).retrieval, 'hybrid');
  });

  it('has no vector of what is all forgotten, and has one of each text that comes after', async () => {
    for (const text of ['The physician acquired a vehicle', 'Lentils need an hour']) await say(text);
    await fill();
    await asTenant(database, (tx) => forgetAll(tx, who, undefined));
    const count = async () => {
      const { rows } = await sql<{ vectors: number; counted: number }>`
        select (select count(*)::int from embeddings) as vectors,
          (select sum(vectors)::int from embedding_progress) as counted`.execute(database.db);
      return rows[0];
    };
    assert.deepEqual(await count(), { vectors: 0, counted: 0 });
    await say('The physician acquired a vehicle');
    await fill();
    assert.deepEqual(await count(), { vectors: 1, counted: 1 });
    // Forgotten while the model is asked about it: the number of what comes then is not done yet.
    const { embed } = model;
    model.embed = async (...asked) => {
      model.embed = embed;
      await asTenant(database, (tx) => forgetAll(tx, who, undefined));
      await say('A vehicle of a physician');
      return embed.apply(model, asked);
    };
    await say('Lentils need an hour');
    await fill();
    await fill();
    assert.deepEqual(await count(), { vectors: 1, counted: 1 });
    assert.equal((await find('which car did my doctor buy?')).texts[0], 'A vehicle of a physician');
  });

  it('is lexical for a query that the model refuses, and stays hybrid for others', async () => {
    await say('The car is red');
    await fill();
    model.refused = /poison/;
    for (let n = 0; n < 5; n += 1) assert.equal((await find('poison car')).retrieval, 'lexical');
    assert.equal((await find('car')).retrieval, 'hybrid');
  });

  it('never answers what was deleted, and goes on where another model takes over between question and answer', async () => {
    const { id } = await say('The car is red');
    const kept = await say('The vehicle is blue');
    await fill();
    assert.equal((await find('automobile')).ids.length, 2);
    await asTenant(database, (tx) => forget(tx, who, id));
    assert.deepEqual((await find('automobile')).ids, [kept.id]);
    const asked = await ask('default', 'vehicle');
    const next = createTestEmbedder('test/next', 12);
    await createEmbeddingWorker(database, embeddersOf(next), readSpaceTexts, silentLog).round(signal);
    const input = RecallInput.parse({ query: 'vehicle' });
    const answer = await asTenant(database, (tx) => recall(tx, 'default', input, asked));
    assert.deepEqual([answer.retrieval, answer.matches.length], ['lexical', 1]);
  });
});
