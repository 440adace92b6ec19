// runs on: both databases
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { PersonaInput } from '@reeve/contract';
import { hold, type Database } from '@reeve/db';
import { ReeveError, silentLog, sleep } from '@reeve/kit';
import { createTestEmbedder, embeddersOf, openTestDatabase, passTime, type TestEmbedder } from '@reeve/testing';
import { asTenant, emptyMemory, vectorRows } from '../test/tables.ts';
import { DEFAULT_RULES } from './care/sensitive.ts';
import { sql } from 'kysely';
import { indexMemory } from './indexer.ts';
import { createPersona, deletePersona } from './knowledge/personas.ts';
import { forget, remember, updateMemory } from './memories.ts';
import { learnPlaybook } from './playbooks/playbooks.ts';
import { appendMessages, ensureSession, removeSession } from './sessions.ts';
import { createEmbeddingWorker } from '@reeve/retrieval';
import { startMemoryEmbedding } from './embedding.ts';
import { readSpaceTexts } from './space-texts.ts';

const who = { tenantId: 'default', userId: 'ada', traceId: 'trace-1' };
const signal = new AbortController().signal;

describe('the embedding of texts', () => {
  let database: Database;
  before(async () => void (database = await openTestDatabase()));
  beforeEach(() => emptyMemory(database));
  after(() => database[Symbol.asyncDispose]());

  const fill = (...embedders: [TestEmbedder, ...TestEmbedder[]]) =>
    createEmbeddingWorker(database, embeddersOf(...embedders), readSpaceTexts, silentLog, { restMs: 1 });
  const fillIn = (model: TestEmbedder, times: { patienceMs?: number; holdMs?: number }) =>
    createEmbeddingWorker(database, embeddersOf(model), readSpaceTexts, silentLog, { restMs: 1, ...times });
  const say = (text: string, { tenantId = 'default', personaId = null as string | null } = {}) =>
    asTenant(
      database,
      (tx) => remember(tx, { ...who, tenantId }, { text, tags: [], persona_id: personaId }, DEFAULT_RULES),
      tenantId,
    );
  const persona = async (name: string) =>
    (await asTenant(database, (tx) => createPersona(tx, who, PersonaInput.parse({ name })))).id;
  const states = async () =>
    (
      await database.db.selectFrom('embedding_spaces').select(['tenant_id', 'model', 'state']).orderBy('id').execute()
    ).map(({ tenant_id, model, state }) => `${tenant_id} ${model} ${state}`);
  const texts = ({ asked }: TestEmbedder) => asked.map(({ text }) => text).sort();

  it('gives every kind of text a vector, on its tenant’s account', async () => {
    const model = createTestEmbedder('test/one');
    const { id } = await say('a car');
    await say('a doctor', { tenantId: 'other' });
    const session = randomUUID();
    await asTenant(database, async (tx) => {
      await ensureSession(tx, { tenantId: 'default', sessionId: session, title: 'talk' });
      await appendMessages(tx, 'default', session, [{ role: 'user', content: 'I bought it' }]);
      await learnPlaybook(
        tx,
        {
          tenantId: 'default',
          personaId: null,
          goal: 'count money',
          calls: [{ tool: 'add', input: {} }],
          runId: null,
          sessionId: null,
        },
        DEFAULT_RULES,
      );
    });
    await indexMemory(database, silentLog, signal);
    await fill(model).round(signal);
    assert.deepEqual(await states(), ['default test/one live', 'other test/one live']);
    assert.deepEqual(model.asked.map(({ tenantId, text }) => `${tenantId}: ${text}`).sort(), [
      'default: I bought it',
      'default: a car',
      'default: count money',
      'other: a doctor',
    ]);
    const rows = await vectorRows(database);
    assert.equal(rows.length, 4);
    assert.ok(rows.some(({ ref }) => ref === id) && rows.some(({ ref }) => ref === `${session}:1`));
    assert.equal(rows.filter(({ tenant }) => tenant === 'other').length, 1);
  });

  it('embeds what stays the same once: said again, indexed anew, or of another persona', async () => {
    const model = createTestEmbedder('test/one');
    const worker = fill(model);
    await say('a car');
    const session = randomUUID();
    const talk = (content: string) =>
      asTenant(database, async (tx) => {
        await ensureSession(tx, { tenantId: 'default', sessionId: session, title: 'talk' });
        await appendMessages(tx, 'default', session, [{ role: 'user', content }]);
      });
    await talk('hello there');
    await indexMemory(database, silentLog, signal);
    await worker.round(signal);
    await say('a car', { personaId: await persona('One') });
    // Its neighbor is indexed anew with it.
    await talk('good day');
    await indexMemory(database, silentLog, signal);
    await worker.round(signal);
    await database.db.updateTable('lexical_spaces').set({ analyzer_version: 0 }).execute();
    await indexMemory(database, silentLog, signal);
    await worker.round(signal);
    assert.deepEqual(texts(model), ['a car', 'good day', 'hello there']);
    assert.equal((await vectorRows(database)).length, 4);
  });

  it('removes the vector of what is deleted or changed in the same transaction', async () => {
    const model = createTestEmbedder('test/one');
    const worker = fill(model);
    const one = await persona('One');
    const [gone, changed] = [await say('a car'), await say('a doctor')];
    await say('some money', { personaId: one });
    const session = randomUUID();
    await asTenant(database, async (tx) => {
      await ensureSession(tx, { tenantId: 'default', sessionId: session, title: 'talk' });
      await appendMessages(tx, 'default', session, [{ role: 'user', content: 'hello there' }]);
    });
    await indexMemory(database, silentLog, signal);
    await worker.round(signal);
    const count = async () => (await vectorRows(database)).length;
    assert.equal(await count(), 4);
    await asTenant(database, (tx) => forget(tx, who, gone.id));
    assert.equal(await count(), 3);
    await asTenant(database, (tx) => updateMemory(tx, who, changed.id, { tags: ['new'] }, DEFAULT_RULES));
    assert.equal(await count(), 3);
    await asTenant(database, (tx) => updateMemory(tx, who, changed.id, { text: 'a physician' }, DEFAULT_RULES));
    assert.equal(await count(), 2);
    await asTenant(database, (tx) => removeSession(tx, who, session));
    await asTenant(database, (tx) => deletePersona(tx, who, one));
    assert.deepEqual(await vectorRows(database), []);
    await worker.round(signal);
    assert.deepEqual(
      (await vectorRows(database)).map(({ ref }) => ref),
      [changed.id],
    );
  });

  it('throws away what it made of a text that was deleted meanwhile', async () => {
    const model = createTestEmbedder('test/one');
    const { id } = await say('a car');
    await say('a doctor');
    const { embed } = model;
    model.embed = async (...asked) => {
      const vectors = await embed.apply(model, asked);
      await asTenant(database, (tx) => forget(tx, who, id));
      model.embed = embed;
      return vectors;
    };
    await fill(model).round(signal);
    assert.equal((await vectorRows(database)).length, 1);
    assert.deepEqual(await states(), ['default test/one live']);
  });

  it('builds another model’s vectors beside those that answer, then takes theirs away', async () => {
    const [old, next] = [createTestEmbedder('test/old'), createTestEmbedder('test/next', 9)];
    for (let n = 0; n < 5; n += 1) await say(`car number ${n}`);
    await fill(old).round(signal);
    next.fault = async () => Promise.reject(new ReeveError('upstream_error', 'down'));
    const worker = fill(next, old);
    await worker.round(signal);
    await say('a new car');
    await worker.round(signal);
    assert.deepEqual(await states(), ['default test/old live', 'default test/next building']);
    assert.deepEqual(
      (await vectorRows(database)).map(({ model }) => model),
      Array.from({ length: 6 }, () => 'test/old'),
      'what is said meanwhile has a vector of what answers',
    );
    next.fault = undefined;
    await sleep(20);
    await worker.round(signal);
    assert.deepEqual(await states(), ['default test/next live']);
    assert.deepEqual(new Set((await vectorRows(database)).map(({ model }) => model)), new Set(['test/next']));
    assert.equal((await vectorRows(database)).length, 6);
    assert.equal(old.asked.length + next.asked.length, 12);
  });

  it('gives up what it was building where another model is wanted, or the old one again', async () => {
    const [one, two] = [createTestEmbedder('test/one'), createTestEmbedder('test/two')];
    await say('a car');
    await fill(one).round(signal);
    two.fault = async () => Promise.reject(new ReeveError('upstream_error', 'down'));
    const before = fill(two, one);
    await before.round(signal);
    assert.deepEqual(await states(), ['default test/one live', 'default test/two building']);
    await fill(one, two).round(signal);
    assert.deepEqual(await states(), ['default test/one live']);
    // Nobody goes to and fro between processes that want different models.
    await before.round(signal);
    assert.deepEqual(await states(), ['default test/one live']);
    assert.equal((await vectorRows(database)).length, 1);
  });

  it('leaves out a text that the model refuses, and no other; and rests where the model is at fault', async () => {
    const model = createTestEmbedder('test/one');
    const worker = fill(model);
    for (const text of ['a car', 'poison', 'a doctor']) await say(text);
    model.refused = /poison|text/;
    await worker.round(signal);
    assert.deepEqual(await vectorRows(database), [], 'a model that refuses everything is wrong itself');
    model.refused = /poison/;
    await sleep(20);
    await worker.round(signal);
    assert.equal((await vectorRows(database)).length, 2);
    assert.deepEqual(await states(), ['default test/one live']);
  });

  it('gives a model that is late fewer texts at once, until it is in time, and more again once it is quick', async () => {
    const model = createTestEmbedder('test/one');
    const worker = fillIn(model, { patienceMs: 400 });
    const sizes: number[] = [];
    const { embed } = model;
    model.embed = async (tenantId, some, aborted) => {
      sizes.push(some.length);
      return embed.call(model, tenantId, some, aborted);
    };
    for (let n = 0; n < 12; n += 1) await say(`car number ${n}`);
    // Twelve take 960 ms, six 480, three 240.
    model.textMs = 80;
    for (let rounds = 0; (await vectorRows(database)).length < 12; rounds += 1) {
      assert.ok(rounds < 20, `${sizes.join(', ')} texts at once`);
      await worker.round(signal);
      await sleep(20);
    }
    assert.equal(sizes[0], 12);
    assert.equal(new Set(texts(model)).size, model.asked.length, 'what is in time is kept');
    model.textMs = 0;
    const slow = sizes.length;
    for (let n = 0; n < 24; n += 1) await say(`holiday number ${n}`);
    await worker.round(signal);
    assert.equal((await vectorRows(database)).length, 36);
    assert.ok(Math.max(...sizes.slice(slow)) > 3, `${sizes.join(', ')} texts at once`);
    assert.deepEqual(await states(), ['default test/one live']);
  });

  it('keeps its hold of a space while it looks for the text that is refused', async () => {
    const model = createTestEmbedder('test/one');
    for (const text of ['a car', 'poison', 'a doctor', 'money', 'a holiday', 'a sedan']) await say(text);
    Object.assign(model, { refused: /poison/, textMs: 150 });
    await fillIn(model, { holdMs: 600 }).round(signal);
    assert.equal((await vectorRows(database)).length, 5);
    assert.equal(model.asked.length, 6, 'each once, and the text that nobody could refuse');
  });

  it('stores no vector of another length under the same name', async () => {
    await say('a car');
    await fill(createTestEmbedder('test/one')).round(signal);
    await say('a doctor');
    await fill(createTestEmbedder('test/one', 12)).round(signal);
    assert.equal((await vectorRows(database)).length, 1);
  });

  it('is one process’s at a time, and another’s when that is dead', async () => {
    await say('a car');
    const model = createTestEmbedder('test/one');
    model.fault = async () => Promise.reject(new ReeveError('upstream_error', 'down'));
    await fill(model).round(signal);
    const { id } = await database.db.selectFrom('embedding_spaces').select('id').executeTakeFirstOrThrow();
    model.fault = undefined;
    const take = (holder: string) => hold(database.db, 'embedding_spaces', sql`id = ${id}`, { holder, holdMs: 60_000 });
    assert.ok(await take('somebody'));
    assert.equal(await take('somebody else'), false);
    await fill(model).round(signal);
    assert.deepEqual(await vectorRows(database), []);
    await passTime(database, 61_000);
    await fill(model).round(signal);
    assert.equal((await vectorRows(database)).length, 1);
  });

  it('by many at once embeds each text once, while texts come and go', async () => {
    const models = [1, 2, 3].map(() => createTestEmbedder('test/one'));
    const quick = { pauseMs: 1, lookMs: 5, restMs: 1 };
    const workers = models.map((model) => startMemoryEmbedding(database, embeddersOf(model), silentLog, quick));
    const said = await Promise.all(Array.from({ length: 40 }, (_, n) => say(`car number ${n}`)));
    await Promise.all(said.slice(0, 10).map(({ id }) => asTenant(database, (tx) => forget(tx, who, id))));
    for (let tries = 0; (await vectorRows(database)).length < 30; tries += 1) {
      assert.ok(tries < 500, 'in time');
      await sleep(20);
    }
    for (const worker of workers) await worker[Symbol.asyncDispose]();
    const all = models.flatMap(texts);
    assert.equal(new Set(all).size, all.length, 'none twice');
    const left = said.slice(10).map(({ id }) => id);
    assert.deepEqual(
      (await vectorRows(database)).map(({ ref }) => ref),
      left.sort(),
    );
    const { rows } = await sql<{ holder: string | null }>`select holder from embedding_spaces`.execute(database.db);
    assert.deepEqual(rows, [{ holder: null }]);
  });
});
