// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { PersonaInput } from '@reeve/contract';
import { silentLog } from '@reeve/kit';
import {
  openTestDatabase,
  passTime,
  startExternalMemory,
  type ExternalFault,
  type TestExternalMemory,
} from '@reeve/testing';
import { cases } from '@reeve/testing/cases';
import { asTenant } from '../../test/tables.ts';
import fc from 'fast-check';
import { sql } from 'kysely';
import { forgetAll } from '../care/forget-all.ts';
import { DEFAULT_RULES } from '../care/sensitive.ts';
import { indexMemory } from '../indexer.ts';
import { createPersona, deletePersona } from '../knowledge/personas.ts';
import { forget, updateMemory } from '../memories.ts';
import { deliver, takeDeliveries } from './deliver.ts';
import { createExternalSender, startExternalSender } from './sender.ts';
import { disableStores, holdStore } from './stores.ts';
import { openExternalPlace, type ExternalPlace } from '../../test/external-setup.ts';

type Place = ExternalPlace<TestExternalMemory>;

const who = { tenantId: 'default', userId: 'ada', traceId: 'trace-1' };
const { signal } = new AbortController();

describe('telling an external memory what becomes of memories', () => {
  let place: Place;
  let database: Place['database'];
  let there: Place['there'];
  let say: Place['say'];
  before(async () => {
    place = openExternalPlace(await openTestDatabase(), await startExternalMemory());
    ({ database, there, say } = place);
  });
  beforeEach(() => place.reset());
  after(() => place[Symbol.asyncDispose]());

  const sender = (options = {}) =>
    createExternalSender(database, place.backend(), silentLog, { restMs: 1, ...options });
  const change = (id: string, patch: Parameters<typeof updateMemory>[3]) =>
    asTenant(database, (tx) => updateMemory(tx, who, id, patch, DEFAULT_RULES));
  const drop = (id: string) => asTenant(database, (tx) => forget(tx, who, id));
  const textsThere = (tenant = 'reeve.default') =>
    [...(there.tenants.get(tenant)?.values() ?? [])].map(({ value }) => value.text).sort();
  const notes = () => database.db.selectFrom('external_memories').selectAll().execute();
  const paths = () => there.requests.map(({ path }) => path.replace('/memory/', ''));
  /** Rounds until nothing is pending, with the waits between them left out. */
  const settle = async (one = sender()) => {
    for (let round = 0; round < 40; round += 1) {
      await passTime(database, 600_000);
      await new Promise((done) => setTimeout(done, 5));
      await one.round(signal);
      if ((await notes()).every(({ pending }) => !pending)) return;
    }
    assert.fail(`still pending: ${JSON.stringify(await notes())}`);
  };

  it('notes nothing where there is no backend', async () => {
    const { id } = await say('Ada likes tea');
    await change(id, { tags: ['drink'] });
    await drop(id);
    assert.deepEqual(await notes(), []);
  });

  it('brings what was remembered before, of every tenant, each to its own', async () => {
    for (let n = 0; n < 5; n += 1) await say(`Box ${n} is in room ${n * 7}`);
    await say('Bob likes coffee', { tenantId: 'other' });
    await sender().round(signal);
    assert.equal(textsThere().length, 5);
    assert.deepEqual(textsThere('reeve.other'), ['Bob likes coffee']);
    assert.ok((await notes()).every(({ pending, sent, coordinate }) => !pending && sent && coordinate !== null));
    const before = there.requests.length;
    await sender().round(signal);
    assert.equal(there.requests.length, before, 'told once');
  });

  it('brings what is remembered, changed, merged, superseded, forgotten and over', async () => {
    const one = sender();
    await one.round(signal);
    const [tea, rent, short] = [
      await say('Ada likes tea'),
      await say('The rent is 900 euros'),
      await say('soon over', { ttl_s: 60 }),
    ];
    await one.round(signal);
    assert.deepEqual(textsThere(), ['Ada likes tea', 'The rent is 900 euros', 'soon over']);
    assert.equal(there.tenants.get('reeve.default')!.get(short.id)!.ttl_seconds! <= 60, true);
    await say('ada likes the tea!', { tags: ['drink'] });
    const newer = await say('The rent is 950 euros');
    await one.round(signal);
    assert.deepEqual(there.tenants.get('reeve.default')!.get(tea.id)!.tags, ['drink']);
    assert.equal(there.tenants.get('reeve.default')!.get(rent.id)!.value['superseded_by'], newer.id);
    await change(tea.id, { text: 'Ada likes coffee' });
    await drop(newer.id);
    await passTime(database, 120_000);
    await indexMemory(database, silentLog, signal);
    await settle(one);
    assert.deepEqual(textsThere(), ['Ada likes coffee', 'The rent is 900 euros']);
    assert.equal(there.tenants.get('reeve.default')!.get(rent.id)!.value['superseded_by'], null);
    assert.equal((await notes()).length, 2);
  });

  it('deletes the old text before it stores a new one, and nothing else twice', async () => {
    const one = sender();
    const { id } = await say('Ada likes tea');
    await one.round(signal);
    await change(id, { text: 'Ada likes coffee' });
    await one.round(signal);
    assert.deepEqual(paths(), ['remember', 'forget', 'remember']);
  });

  it('deletes what goes with a persona, and all that is forgotten at once', async () => {
    const one = sender();
    const { id: persona } = await asTenant(database, (tx) =>
      createPersona(tx, who, PersonaInput.parse({ name: 'Desk' })),
    );
    await say('The desk has a lamp', { persona_id: persona });
    await say('Ada likes tea');
    await say('Bob likes coffee', { tenantId: 'other' });
    await one.round(signal);
    await asTenant(database, (tx) => deletePersona(tx, who, persona));
    await one.round(signal);
    assert.deepEqual(textsThere(), ['Ada likes tea']);
    await asTenant(database, (tx) => forgetAll(tx, who, undefined));
    await one.round(signal);
    assert.deepEqual([textsThere(), textsThere('reeve.other')], [[], ['Bob likes coffee']]);
    assert.equal((await notes()).length, 1);
  });

  it('catches up with what it missed while it was down, deletions too', async () => {
    const one = sender();
    const [gone, kept] = [await say('Ada likes tea'), await say('Bob has a boat')];
    await one.round(signal);
    there.fault = () => ({ status: 503 });
    await drop(gone.id);
    await change(kept.id, { text: 'Bob has a bike' });
    for (let n = 0; n < 6; n += 1) await say(`Box ${n} is in room ${n * 7}`);
    const never = await say('said and taken back');
    await drop(never.id);
    for (let round = 0; round < 5; round += 1) await one.round(signal);
    assert.deepEqual(textsThere(), ['Ada likes tea', 'Bob has a boat']);
    there.fault = undefined;
    await settle(one);
    assert.equal(textsThere().length, 7);
    assert.ok(textsThere().includes('Bob has a bike') && !textsThere().includes('Ada likes tea'));
    assert.equal((await notes()).length, 7);
  });

  it('asks one that is down with one memory at a time, and less and less often', async () => {
    const one = sender({ restMs: 10_000 });
    there.fault = () => ({ status: 500 });
    for (let n = 0; n < 20; n += 1) await say(`Box ${n} is in room ${n * 7}`);
    for (let round = 0; round < 10; round += 1) await one.round(signal);
    assert.ok(there.requests.length <= 8, `${there.requests.length} requests`);
  });

  const rest = (ms = 50) => new Promise((done) => setTimeout(done, ms));
  const POISON: readonly ExternalFault[] = [{ status: 422 }, { status: 500 }, { answer: 'garbage' }];
  for (const fault of POISON)
    it(`is not held up by memories that it does not take: ${JSON.stringify(fault)}`, async () => {
      there.fault = ({ body }) => (JSON.stringify(body).includes('poison') ? fault : undefined);
      for (let n = 0; n < 12; n += 1) await say(`poison number ${n} of the ${'abcdefghijkl'[n]} kind`);
      await say('Bob has a boat', { tenantId: 'other' });
      await say('Ada likes tea');
      const one = sender();
      for (let round = 0; round < 4; round += 1) await one.round(signal).then(() => rest());
      assert.deepEqual([textsThere(), textsThere('reeve.other')], [['Ada likes tea'], ['Bob has a boat']]);
      const failed = async () => (await notes()).filter(({ pending, attempts }) => pending && attempts > 0);
      for (let round = 0; round < 10 && (await failed()).length < 12; round += 1)
        await one.round(signal).then(() => rest());
      assert.equal((await failed()).length, 12);
      await rest(200);
      for (const text of ['Carla plays chess', 'Dora has a dog', 'Emil sells eggs']) {
        await passTime(database, 600_000);
        there.requests.length = 0;
        await say(text);
        await one.round(signal);
        assert.ok(textsThere().includes(text), 'at once, with all the others due');
        assert.match(JSON.stringify(there.requests[0]?.body), new RegExp(text), 'before what failed');
      }
      assert.equal((await failed()).length, 12);
      assert.equal(one.isBehind(), false);
    });

  it('is not held up by what a backend without deletion routes cannot delete', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 6; n += 1) ids.push((await say(`Box ${n} is in room ${n * 7}`)).id);
    const one = sender();
    await one.round(signal);
    there.fault = ({ path }) => (path === '/memory/remember' ? undefined : { status: 404 });
    for (const id of ids) await drop(id);
    await say('Ada likes tea');
    for (let round = 0; round < 3; round += 1) await one.round(signal).then(() => rest());
    assert.ok(textsThere().includes('Ada likes tea'));
    await passTime(database, 600_000);
    await say('Bob has a boat');
    await one.round(signal);
    assert.ok(textsThere().includes('Bob has a boat'));
    there.fault = undefined;
    await settle(one);
    assert.deepEqual(textsThere(), ['Ada likes tea', 'Bob has a boat']);
  });

  it('brings what it missed at once when it is back, of every tenant, and not what failed by itself', async () => {
    const one = sender({ restMs: 100 });
    const isPoison = ({ body }: { readonly body: unknown }) => JSON.stringify(body).includes('poison');
    there.fault = (request) => (isPoison(request) ? { status: 500 } : undefined);
    await say('poison of some kind');
    await one.round(signal);
    await say('Ada likes tea');
    await one.round(signal);
    there.fault = () => ({ status: 500 });
    for (const tenantId of ['default', 'other'])
      for (let n = 0; n < 2; n += 1) await say(`Box ${n} is in room ${n * 7}`, { tenantId });
    await one.round(signal);
    assert.equal(one.isBehind(), true);
    await database.db
      .updateTable('external_memories')
      .set({ due_at: new Date(Date.now() + 3_600_000) })
      .where('pending', '=', true)
      .execute();
    there.fault = (request) => (isPoison(request) ? { status: 500 } : undefined);
    there.requests.length = 0;
    await rest(200);
    await say('Bob has a boat');
    await one.round(signal);
    assert.deepEqual([textsThere().length, textsThere('reeve.other').length], [4, 2]);
    assert.ok(!there.requests.some(isPoison), 'it was not down for the sake of the backend');
    assert.equal(one.isBehind(), false);
  });

  it('does not put off a deletion that came while its memory was being sent in vain', async () => {
    const { id } = await say('Ada likes tea');
    there.fault = () => 'silent';
    const round = sender({ restMs: 60_000 }).round(signal);
    while (there.requests.length === 0) await rest(5);
    await drop(id);
    there.fault = undefined;
    await round;
    assert.deepEqual([paths(), await notes()], [['remember', 'remember', 'forget'], []]);
  });

  it('asks one that seems to be down with what came last, which may be why it is not', async () => {
    const one = sender({ restMs: 20 });
    there.fault = ({ body }) => (JSON.stringify(body).includes('poison') ? { status: 500 } : undefined);
    for (let n = 0; n < 6; n += 1) await say(`poison number ${n} of the ${'abcdef'[n]} kind`);
    await say('Ada likes tea');
    while (there.requests.length < 5) await one.round(signal).then(() => rest());
    assert.match(JSON.stringify(there.requests[4]!.body), /Ada likes tea/);
  });

  it('takes a fault of the database for none of the backend', async () => {
    const one = sender();
    await one.round(signal);
    for (let n = 0; n < 6; n += 1) await say(`Box ${n} is in room ${n * 7}`);
    await sql`alter table external_memories add constraint broken check (coordinate is null)`.execute(database.db);
    try {
      for (let round = 0; round < 3; round += 1) await assert.rejects(one.round(signal), /broken/);
    } finally {
      await sql`alter table external_memories drop constraint broken`.execute(database.db);
    }
    assert.ok((await notes()).every(({ pending, attempts }) => pending && attempts === 0));
    assert.equal(one.isBehind(), false);
    await one.round(signal);
    assert.ok((await notes()).every(({ pending }) => !pending));
  });

  it('says that it is behind where one memory is all that it is not told of, until it is', async () => {
    // So long that no second try comes in the same round, however slow that is.
    const one = sender({ restMs: 60_000 });
    there.fault = () => ({ status: 503 });
    await say('Ada likes tea');
    await one.round(signal);
    assert.equal(one.isBehind(), false, 'once is nothing');
    for (let round = 0; round < 4; round += 1) {
      await passTime(database, 600_000);
      await one.round(signal);
    }
    assert.equal(one.isBehind(), true);
    there.fault = undefined;
    await settle(one);
    assert.equal(one.isBehind(), false);
  });

  it('tells again what may not have arrived, and deletes what may have', async () => {
    const [kept, gone] = [await say('Ada likes tea'), await say('Bob has a boat')];
    there.fault = () => 'lost';
    await sender().round(signal);
    assert.equal(textsThere().length, 2, 'it has them, and nobody knows');
    assert.ok((await notes()).every(({ pending, sent, coordinate }) => pending && sent && coordinate === null));
    await drop(gone.id);
    there.fault = undefined;
    await settle();
    assert.deepEqual([...there.tenants.get('reeve.default')!.keys()], [kept.id]);
    assert.equal((await notes()).length, 1);
  });

  it('deletes with one request where a place is known, and with none where nothing was ever sent', async () => {
    const one = sender();
    await one.round(signal);
    const { id } = await say('Ada likes tea');
    await drop(id);
    await one.round(signal);
    assert.deepEqual([paths(), await notes()], [[], []]);
  });

  it('tells what it is now once more, where a late one overtook it', async () => {
    const [changed, gone] = [await say('Ada likes tea'), await say('Bob has a boat')];
    const one = sender();
    there.fault = () => ({ status: 503 });
    await one.round(signal);
    there.fault = undefined;
    await passTime(database, 600_000);
    const late = await takeDeliveries(database.db, 'default', { limit: 10 });
    assert.equal(late.length, 2);
    await change(changed.id, { text: 'Ada likes coffee' });
    await drop(gone.id);
    await settle();
    assert.deepEqual(textsThere(), ['Ada likes coffee']);
    // Its process was stopped for longer than it had the tenant.
    for (const delivery of late) await deliver(database.db, place.backend(), 'default', delivery, signal);
    assert.deepEqual(textsThere(), ['Ada likes tea', 'Bob has a boat']);
    await settle();
    assert.deepEqual(textsThere(), ['Ada likes coffee']);
    assert.equal((await notes()).length, 1);
  });

  it('has one sender at a time: another waits for it, or until it is dead', async () => {
    await sender().round(signal);
    await say('Ada likes tea');
    const dead = { holder: 'dead', target: place.backend().target, holdMs: 60_000 };
    assert.equal(await holdStore(database.db, 'default', dead), true);
    const one = sender();
    await one.round(signal);
    assert.deepEqual(textsThere(), []);
    await passTime(database, 61_000);
    await one.round(signal);
    assert.deepEqual(textsThere(), ['Ada likes tea']);
  });

  it('tells each memory once where two send at once', async () => {
    for (let n = 0; n < 30; n += 1) await say(`Box ${n} is in room ${n * 7}`);
    there.fault = () => ({ afterMs: 3 });
    const [one, two] = [sender(), sender()];
    await Promise.all([one.round(signal), two.round(signal)]);
    await settle(one);
    assert.equal(textsThere().length, 30);
    assert.equal(there.requests.length, 30);
  });

  it('notes nothing while it is switched off, and what was missed is found when it is on again', async () => {
    const [gone, kept] = [await say('Ada likes tea'), await say('Bob has a boat')];
    await sender().round(signal);
    await disableStores(database.db);
    await drop(gone.id);
    await change(kept.id, { text: 'Bob has a bike' });
    await say('Carla plays chess');
    assert.ok((await notes()).every(({ pending }) => !pending));
    await settle();
    assert.deepEqual(textsThere(), ['Bob has a bike', 'Carla plays chess']);
  });

  it('brings everything to another backend, and no longer knows what the former one has', async () => {
    await say('Ada likes tea');
    await sender().round(signal);
    await createExternalSender(database, place.backend({ tenantPrefix: 'second' }), silentLog).round(signal);
    assert.deepEqual(textsThere('second.default'), ['Ada likes tea']);
    const before = there.requests.length;
    await sender().round(signal);
    assert.deepEqual(textsThere(), ['Ada likes tea']);
    assert.ok(there.requests.length > before, 'the process that was started last decides');
  });

  it('works by itself, a moment behind the commits', { timeout: 30_000 }, async () => {
    await using _ = startExternalSender(database, place.backend(), silentLog, { pauseMs: 10, lookMs: 50, restMs: 10 });
    await say('Ada likes tea');
    while (textsThere().length === 0) await new Promise((done) => setTimeout(done, 10));
  });

  it('ends with what is remembered here, whatever happens in between', async () => {
    const faults: readonly (ExternalFault | undefined)[] = [
      undefined,
      undefined,
      { status: 503 },
      { status: 422 },
      { answer: 'garbage' },
      'lost',
    ];
    const step = fc.oneof(
      fc.record({ kind: fc.constant('say' as const), what: fc.nat(5) }),
      fc.record({ kind: fc.constant('change' as const), what: fc.nat(9), to: fc.nat(99) }),
      fc.record({ kind: fc.constant('drop' as const), what: fc.nat(9) }),
      fc.record({ kind: fc.constant('round' as const), faults: fc.array(fc.nat(5), { maxLength: 8 }) }),
      fc.record({ kind: fc.constant('restart' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        await place.reset();
        let one = sender();
        await one.round(signal);
        let ids: string[] = [];
        for (const action of steps) {
          if (action.kind === 'say') ids.push((await say(`Fact number ${action.what} of ${ids.length * 13}`)).id);
          else if (action.kind === 'restart') one = sender();
          else if (action.kind === 'round') {
            const planned = [...action.faults];
            there.fault = () => faults[planned.shift() ?? 0];
            await passTime(database, 600_000);
            await one.round(signal);
          } else {
            const id = ids[action.what % Math.max(1, ids.length)];
            if (id === undefined) continue;
            if (action.kind === 'change') await change(id, { text: `Changed to ${action.to}, ${id}` });
            else {
              await drop(id);
              ids = ids.filter((other) => other !== id);
            }
          }
        }
        there.fault = undefined;
        await settle(one);
        const here = await database.db.selectFrom('memories').select(['id', 'text']).orderBy('id').execute();
        const stored = [...(there.tenants.get('reeve.default')?.values() ?? [])]
          .map(({ value: { id, text } }) => ({ id, text }))
          .sort((a, b) => (a.id < b.id ? -1 : 1));
        assert.deepEqual(stored, here);
        assert.equal((await notes()).length, here.length);
      }),
      cases(15),
    );
  });
});
