// runs on: both databases
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { RecallInput } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { silentLog, sleep } from '@reeve/kit';
import { openTestDatabase, passTime } from '@reeve/testing';
import { sql } from 'kysely';
import { DEFAULT_RULES } from './care/sensitive.ts';
import { indexMemory, startMemoryIndexer } from './indexer.ts';
import { recall, remember } from './memories.ts';
import { indexNextMessages, unindexRun } from './message-index.ts';
import { appendMessages, ensureSession, forkSession, removeSession } from './sessions.ts';

const who = { tenantId: 'default', userId: 'ada', traceId: 'trace-1' };

describe('the indexer of memory', () => {
  let database: Database;
  const asTenant = <T>(work: Parameters<typeof inTenant<T>>[2], tenantId = 'default') =>
    inTenant(database.db, tenantId, work);
  const say = (sessionId: string, contents: readonly string[], tenantId = 'default', runId?: string) =>
    asTenant(async (tx) => {
      await ensureSession(tx, { tenantId, sessionId, title: 'a session' });
      const messages = contents.map((content) => ({ role: 'user' as const, content, runId }));
      await appendMessages(tx, tenantId, sessionId, messages);
    }, tenantId);
  const index = () => indexMemory(database, silentLog, new AbortController().signal);
  const find = async (query: string, tenantId = 'default') => {
    const input = RecallInput.parse({ query, kinds: ['message', 'memory'], top_k: 100 });
    return (await asTenant((tx) => recall(tx, tenantId, input), tenantId)).matches.map(({ id }) => id);
  };
  const left = async () => {
    const { rows } = await sql<{ entries: number; terms: number }>`
      select (select count(*) from lexical_entries) as entries, (select count(*) from lexical_terms) as terms`.execute(
      database.db,
    );
    return rows[0];
  };

  before(async () => void (database = await openTestDatabase()));
  beforeEach(async () => {
    for (const table of [
      'memories',
      'sessions',
      'lexical_spaces',
      'lexical_entries',
      'lexical_terms',
      'lexical_blocks',
    ] as const)
      await database.db.deleteFrom(table).execute();
  });
  after(() => database[Symbol.asyncDispose]());

  it('lets a message be found by its words, by those beside it and by its day', async () => {
    const id = randomUUID();
    await say(id, ['We met at the harbour', 'Was it cold?', 'Freezing', 'The ferry was late', 'It always is']);
    assert.deepEqual(await find('harbour'), []);
    await index();
    assert.equal((await find('harbour'))[0], `${id}:1`);
    assert.deepEqual((await find('harbour')).sort(), [`${id}:1`, `${id}:2`, `${id}:3`]);
    assert.equal((await find(new Date().toISOString().slice(0, 10))).length, 5);
  });

  it('gives what was said last the neighbors that come later', async () => {
    const id = randomUUID();
    await say(id, ['What shall we cook?']);
    await index();
    assert.deepEqual(await find('lentils'), []);
    await say(id, ['Lentils, again']);
    await index();
    assert.deepEqual((await find('lentils')).sort(), [`${id}:1`, `${id}:2`]);
    assert.equal((await left())!.entries, 2);
  });

  it('indexes a message once, in the session that owns it', async () => {
    const [parent, fork] = [randomUUID(), randomUUID()];
    await say(parent, ['the walnut tree', 'needs water']);
    await asTenant((tx) => forkSession(tx, 'default', { from: parent, until: 2, to: fork }));
    await say(fork, ['or a gardener']);
    await index();
    assert.deepEqual((await find('walnut')).sort(), [`${parent}:1`, `${parent}:2`]);
    assert.deepEqual(await find('gardener'), [`${fork}:3`]);
    await asTenant((tx) => removeSession(tx, who, parent));
    assert.deepEqual([await find('walnut'), await find('gardener')], [[], [`${fork}:3`]]);
  });

  it('works through what was there before it, memories too, of every tenant', async () => {
    const sessions = { default: randomUUID(), other: randomUUID() };
    for (const tenantId of ['default', 'other'] as const) {
      await say(
        sessions[tenantId],
        Array.from({ length: 150 }, (_, n) => `line ${n} of ${tenantId}`),
        tenantId,
      );
      for (let n = 0; n < 3; n += 1)
        await asTenant(
          (tx) => remember(tx, { ...who, tenantId }, { text: `old thought ${n}`, tags: [] }, DEFAULT_RULES),
          tenantId,
        );
    }
    await sql`update memories set indexed = false`.execute(database.db);
    for (const table of ['lexical_spaces', 'lexical_entries', 'lexical_terms'] as const)
      await database.db.deleteFrom(table).execute();
    await index();
    for (const tenantId of ['default', 'other'] as const) {
      const found = await find('line', tenantId);
      assert.equal(found.length, 100);
      assert.ok(found.every((id) => id.startsWith(sessions[tenantId])));
      assert.equal((await find('thought', tenantId)).length, 3);
    }
    assert.equal((await left())!.entries, 306);
  });

  it('goes on with other tenants where one fails, and with that one the next time', async () => {
    for (const tenantId of ['default', 'other'])
      await asTenant(
        (tx) => remember(tx, { ...who, tenantId }, { text: `a thought of ${tenantId}`, tags: [] }, DEFAULT_RULES),
        tenantId,
      );
    await sql`update memories set indexed = false`.execute(database.db);
    await sql`delete from lexical_entries`.execute(database.db);
    await sql`alter table lexical_entries add constraint broken check (tenant_id <> 'default')`.execute(database.db);
    await index();
    assert.deepEqual([await find('thought'), (await find('thought', 'other')).length], [[], 1]);
    await sql`alter table lexical_entries drop constraint broken`.execute(database.db);
    await index();
    assert.equal((await find('thought')).length, 1);
  });

  it('indexes nothing twice and loses nothing where two processes work and one dies in the middle', async () => {
    const ids = Array.from({ length: 5 }, () => randomUUID());
    for (const id of ids)
      await say(
        id,
        Array.from({ length: 40 }, (_, n) => `kelp ${n}`),
      );
    const dying = asTenant(async (tx) => {
      await indexNextMessages(tx, 'default');
      throw new Error('killed');
    });
    await Promise.all([assert.rejects(dying, /killed/), index(), index(), ...ids.map((id) => say(id, ['kelp, late']))]);
    await index();
    const { rows } = await sql`select ref from lexical_entries group by ref having count(*) > 1`.execute(database.db);
    assert.deepEqual(rows, []);
    assert.equal((await left())!.entries, 205);
    const count = await database.db
      .selectFrom('lexical_terms')
      .select('count')
      .where('term', '=', 'kelp')
      .executeTakeFirstOrThrow();
    assert.equal(count.count, 205);
  });

  it('forgets a deleted session in the transaction that deletes it, words and all', async () => {
    const id = randomUUID();
    await say(
      id,
      Array.from({ length: 70 }, (_, n) => `secret${n}`),
    );
    await index();
    assert.equal((await left())!.entries, 70);
    await asTenant((tx) => removeSession(tx, who, id));
    assert.deepEqual(await left(), { entries: 0, terms: 0 });
    await index();
    assert.deepEqual(await left(), { entries: 0, terms: 0 });
  });

  it('forgets what a run had said when it is taken back, also beside what was said before', async () => {
    const [id, runId] = [randomUUID(), randomUUID()];
    await say(id, ['hello there', 'good morning']);
    await say(id, ['wrong number'], 'default', runId);
    await index();
    assert.equal((await find('wrong number')).length, 3);
    await asTenant(async (tx) => {
      await unindexRun(tx, { id: runId, tenantId: 'default', sessionId: id });
      await tx.deleteFrom('messages').where('run_id', '=', runId).execute();
      await tx.updateTable('sessions').set({ message_count: 2 }).where('id', '=', id).execute();
    });
    assert.deepEqual(await find('wrong number'), []);
    await index();
    assert.deepEqual([(await find('wrong number')).length, (await find('morning')).length], [0, 2]);
  });

  it('does all anew where an older analyzer did it', async () => {
    const id = randomUUID();
    await say(id, ['the amber room']);
    await asTenant((tx) => remember(tx, who, { text: 'amber is old resin', tags: [] }, DEFAULT_RULES));
    await index();
    await sql`update lexical_spaces set analyzer_version = 0`.execute(database.db);
    await sql`update lexical_terms set term = 'stale-' || term`.execute(database.db);
    assert.deepEqual(await find('amber'), []);
    await index();
    assert.equal((await find('amber')).length, 2);
    const { rows } = await sql`select term from lexical_terms where term like 'stale-%'`.execute(database.db);
    assert.deepEqual(rows, []);
  });

  it('follows sessions by itself until it is stopped', async () => {
    const id = randomUUID();
    const indexer = startMemoryIndexer(database, silentLog, { pauseMs: 5, lookMs: 20 });
    await say(id, ['the violet door']);
    const deadline = Date.now() + 10_000;
    while ((await find('violet')).length === 0 && Date.now() < deadline) await sleep(10);
    assert.deepEqual(await find('violet'), [`${id}:1`]);
    await indexer[Symbol.asyncDispose]();
    await say(id, ['the scarlet door']);
    await sleep(100);
    assert.deepEqual(await find('scarlet'), []);
  });

  it('removes memories whose time is over, with every word of theirs', async () => {
    for (const text of ['The kettle is blue', 'The lamp is green'])
      await asTenant((tx) =>
        remember(tx, who, { text, tags: [], ttl_s: text.includes('lamp') ? null : 1 }, DEFAULT_RULES),
      );
    await passTime(database, 2_000);
    await index();
    assert.deepEqual(
      (await database.db.selectFrom('memories').select('text').execute()).map(({ text }) => text),
      ['The lamp is green'],
    );
    const terms = await database.db.selectFrom('lexical_terms').select('term').orderBy('term').execute();
    assert.deepEqual(
      terms.map(({ term }) => term),
      ['green', 'lamp'],
    );
  });
});
