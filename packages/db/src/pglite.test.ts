import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { sql } from 'kysely';
import type { Database } from './database.ts';
import { openPglite } from './pglite.ts';
import { restoreSnapshot } from './snapshot.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('the embedded database', () => {
  const directory = mkdtempSync(join(tmpdir(), 'reeve-pglite-'));
  const path = join(directory, 'db');
  let database: Database;
  const add = (db: Database['db'], name: string) =>
    db.insertInto('tenants').values({ tenant_id: name, name }).execute();
  const names = async (db: Database['db']) =>
    (await db.selectFrom('tenants').select('name').orderBy('name').execute()).map(({ name }) => name);

  before(async () => {
    await restoreSnapshot(path);
    database = await openPglite(path);
  });
  beforeEach(() => database.db.deleteFrom('tenants').execute());
  after(async () => {
    await database[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  it('runs transactions one after another, in the order they came', async () => {
    const order: string[] = [];
    await Promise.all(
      [1, 2, 3, 4].map((number) =>
        database.db.transaction().execute(async (tx) => {
          order.push(`begin ${number}`);
          await turn();
          await add(tx, `t${number}`);
          order.push(`end ${number}`);
        }),
      ),
    );
    assert.deepEqual(
      order,
      [1, 2, 3, 4].flatMap((number) => [`begin ${number}`, `end ${number}`]),
    );
  });

  it('keeps a query from outside waiting until the transaction ends, and out of it', async () => {
    let outside: Promise<string[]> | undefined;
    let answered = false;
    const thrown = database.db.transaction().execute(async (tx) => {
      await add(tx, 'inside');
      outside = names(database.db).finally(() => (answered = true));
      for (let i = 0; i < 10; i++) await turn();
      assert.deepEqual([answered, await names(tx)], [false, ['inside']]);
      throw new Error('roll back');
    });
    await assert.rejects(thrown, /roll back/);
    assert.deepEqual(await outside, []);
  });

  it('goes on after a statement that failed, inside a transaction and outside', async () => {
    await assert.rejects(sql`select 1 / 0`.execute(database.db), { code: '22012' });
    await assert.rejects(
      database.db.transaction().execute(async (tx) => {
        await add(tx, 'lost');
        await sql`select nonsense`.execute(tx);
      }),
      { code: '42703' },
    );
    assert.deepEqual(await names(database.db), []);
    await database.db.transaction().execute((tx) => add(tx, 'kept'));
    assert.deepEqual(await names(database.db), ['kept']);
  });

  it('lets timers run between queries in a row', async () => {
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 1);
    const until = performance.now() + 200;
    while (performance.now() < until) await sql`select 1`.execute(database.db);
    clearInterval(timer);
    assert.ok(ticks >= 2, `${ticks} ticks in 200 ms`);
  });

  it('tells its listeners, after the caller has gone on, until they stop listening', async () => {
    const heard: (string | null)[] = [];
    const stop = database.listen('reeve_runs', (payload) => heard.push(payload));
    database.listen('reeve_tasks', () => heard.push('wrong channel'));
    database.notify('reeve_runs', 'one');
    assert.deepEqual(heard, []);
    await turn();
    stop();
    database.notify('reeve_runs', 'two');
    await turn();
    assert.deepEqual(heard, ['one']);
  });

  it('waits on closing for what is under way, and has it when it is opened again', async () => {
    const last = database.db.transaction().execute(async (tx) => {
      await turn();
      await add(tx, 'last');
    });
    await turn();
    await Promise.all([last, database[Symbol.asyncDispose]()]);
    database = await openPglite(path);
    assert.deepEqual(await names(database.db), ['last']);
  });
});
