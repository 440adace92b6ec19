// runs on: both databases
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { silentLog } from '@reeve/kit';
import { createTestDatabase, cutConnections, type TestDatabase } from '@reeve/testing';
import { sql } from 'kysely';
import pg from 'pg';
import type { Database } from './database.ts';
import { sendPipeline } from './pipeline-query.ts';
import { openPostgres } from './postgres.ts';
import { isTransient } from './sqlstate.ts';
import { inTenant } from './tenant.ts';

const skip = process.env['REEVE_TEST_DATABASE_URL'] === undefined && 'needs PostgreSQL (REEVE_TEST_DATABASE_URL)';

describe('PostgreSQL', { skip, timeout: 60_000 }, () => {
  let place: TestDatabase;
  let one: Database;
  let two: Database;
  before(async () => {
    place = await createTestDatabase();
    [one, two] = await Promise.all([
      openPostgres({ url: place.url!, pool: 7, log: silentLog }),
      openPostgres({ url: place.url!, pool: 7, log: silentLog }),
    ]);
  });
  after(async () => {
    await one[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
    await place[Symbol.asyncDispose]();
  });

  /** What a listener hears, from the moment it surely listens. */
  async function listener(database: Database) {
    const heard: (string | null)[] = [];
    let woken = () => {};
    const stop = database.listen('reeve_runs', (payload) => {
      heard.push(payload);
      woken();
    });
    const until = async (found: () => boolean) => {
      while (!found()) await new Promise<void>((resolve) => (woken = resolve));
    };
    const settle = async (mark: string) => {
      const again = setInterval(() => one.notify('reeve_runs', mark), 20);
      await until(() => heard.includes(mark)).finally(() => clearInterval(again));
    };
    await settle('ready');
    heard.length = 0;
    return { heard, until, settle, stop };
  }
  const terminate = (condition: string) =>
    cutConnections(one.db, sql`datname = current_database() and ${sql.raw(condition)}`);

  it('carries what one process tells to another, each payload once for many at once', async () => {
    const { heard, until, stop } = await listener(two);
    const sent = Array.from({ length: 500 }, (_, index) => `run ${index} 'quoted' \\`);
    for (const payload of sent) one.notify('reeve_runs', payload);
    one.notify('reeve_tasks', 'another channel');
    await until(() => heard.filter((payload) => payload !== 'ready').length >= sent.length);
    stop();
    assert.deepEqual(
      heard.filter((payload) => payload !== 'ready'),
      sent,
    );
  });

  it('tells a listener null when its connection was lost and made again, and then goes on', async () => {
    const { heard, until, settle, stop } = await listener(two);
    await terminate(`query like 'listen %'`);
    await until(() => heard.includes(null));
    await settle('again');
    stop();
  });

  it('connects again after its connections were terminated', async () => {
    await two.db.selectFrom('tasks').select('id').execute();
    await terminate(`query not like 'listen %'`);
    for (let tries = 0; ; tries++) {
      const found = await two.db
        .selectFrom('tasks')
        .select('id')
        .execute()
        .catch((error: unknown) => error);
      if (Array.isArray(found)) break;
      assert.ok(isTransient(found) && tries < 10, String(found));
    }
  });

  it('says that a statement whose connection was terminated may be tried again', async () => {
    const { promise: started, resolve } = Promise.withResolvers<number>();
    const broken = two.db.transaction().execute(async (tx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
      resolve(rows[0]!.pid);
      await sql`select pg_sleep(30)`.execute(tx);
    });
    const outcome = broken.catch((error: unknown) => error);
    await terminate(`pid = ${await started}`);
    const error = await outcome;
    assert.ok(isTransient(error), String(error));
  });

  it('prepares what repeats, anew where a migration has changed what it answers; where work would be lost it may be tried again', async () => {
    await sql`create table widening (id int)`.execute(one.db);
    const read = () =>
      one.db.transaction().execute(async (tx) => (await sql`select * from widening where id > ${0}`.execute(tx)).rows);
    const countPrepared = async () => {
      const { rows } = await sql<{ of: number }>`
        select count(*)::int as of from pg_prepared_statements where statement like 'select * from widening%'`.execute(
        one.queue,
      );
      return rows[0]!.of;
    };
    const readByQueue = () => sql`select * from widening where id > ${0}`.execute(one.queue);
    await sql`insert into widening values (1)`.execute(one.db);
    for (let times = 0; times < 5; times += 1) {
      assert.deepEqual(await read(), [{ id: 1 }]);
      await readByQueue();
    }
    assert.equal(await countPrepared(), 1);

    await sql`alter table widening add name text default 'new'`.execute(two.db);
    assert.deepEqual(await read(), [{ id: 1, name: 'new' }]);
    const later = () =>
      one.db.transaction().execute(async (tx) => {
        await sql`insert into widening values (${2})`.execute(tx);
        return (await sql`select * from widening where id > ${0}`.execute(tx)).rows;
      });
    await sql`alter table widening add other int`.execute(two.db);
    await assert.rejects(later(), isTransient);
    assert.deepEqual(await later(), [
      { id: 1, name: 'new', other: null },
      { id: 2, name: 'new', other: null },
    ]);
  });

  /** Reads three times what is prepared by the third time, and counts what the pool's only connection has prepared under our names. */
  async function readAndCount(db: Database['db']): Promise<number> {
    for (let times = 0; times < 3; times += 1)
      assert.deepEqual((await sql`select ${1}::int as n`.execute(db)).rows, [{ n: 1 }]);
    const { rows } = await sql<{ of: number }>`
      select count(*)::int as of from pg_prepared_statements where name like 'reeve\\_%'`.execute(db);
    return rows[0]!.of;
  }

  it('prepares nothing where preparing is off', async () => {
    await using off = await openPostgres({ url: place.url!, pool: 1, prepared: 'off', log: silentLog });
    assert.equal(await readAndCount(off.db), 0);
  });

  it('goes on where a pooler gives it connections without its statements, and prepares no more unless told to', async () => {
    for (const [prepared, kept] of [
      ['auto', 0],
      ['on', 1],
    ] as const) {
      await using behind = await openPostgres({ url: place.url!, pool: 1, prepared, log: silentLog });
      assert.equal(await readAndCount(behind.db), 1);
      await sql`deallocate all`.execute(behind.db);
      assert.equal(await readAndCount(behind.db), kept);
    }
  });

  it('takes the connections that it was given and no more, all kinds together', async () => {
    await using own = await createTestDatabase();
    for (const [given, taken] of [
      [1, 3],
      [5, 5],
    ] as const) {
      await using database = await openPostgres({ url: own.url!, pool: given, log: silentLog });
      const wait = sql`select pg_sleep(0.3)`;
      const waiting = Array.from({ length: 10 }, () => [wait.execute(database.db), wait.execute(database.queue)]);
      const onlooker = new pg.Client(own.url!);
      await onlooker.connect();
      const { rows } = await onlooker.query<{ of: number }>(`select count(*)::int as of from pg_stat_activity
        where datname = current_database() and application_name = 'reeve'`);
      await onlooker.end();
      await Promise.all(waiting.flat());
      assert.ok(rows[0]!.of <= taken, `${rows[0]!.of} connections of ${given}`);
    }
  });

  it('rolls back, and leaves its connection as it was, where the first statement of a transaction fails', async () => {
    await sql`create table lone (id int primary key)`.execute(one.db);
    for (let times = 0; times < 8; times += 1) {
      const failing = inTenant(one.db, 'default', (tx) => sql`insert into lone values (1 / ${0}::int)`.execute(tx));
      await assert.rejects(failing, { code: '22012' });
      const { rows } = await sql<{ role: string; tenant: string | null }>`
        select current_user as role, nullif(current_setting('reeve.tenant', true), '') as tenant`.execute(one.db);
      assert.notEqual(rows[0]!.role, 'reeve_tenant');
      assert.equal(rows[0]!.tenant, null);
    }
  });

  it('runs nothing behind a beginning that failed', async () => {
    await sql`create table behind (id int)`.execute(one.db);
    const client = await new pg.Pool({ connectionString: place.url!, max: 1 }).connect();
    const statements = ['begin of nothing', 'insert into behind values (1)', 'insert into behind values (2)'];
    const sent = statements.map((text) => ({ text, parameters: [], isNew: true }));
    await assert.rejects(sendPipeline(client, sent), { code: '42601' });
    assert.equal((await sendPipeline(client, [{ text: 'select 1', parameters: [], isNew: true }])).length, 1);
    client.release(true);
    assert.deepEqual((await sql`select * from behind`.execute(one.db)).rows, []);
  });

  it('is unavailable where nothing answers, and says so without the password', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as { port: number };
    closed.close();
    await assert.rejects(
      openPostgres({ url: `postgres://ada:hunter2@127.0.0.1:${port}/x`, pool: 1, log: silentLog }),
      (error: Error & { reason: string }) => {
        assert.equal(error.reason, 'unavailable');
        assert.match(error.message, /DATABASE_URL: cannot connect to PostgreSQL: nothing answers there/);
        assert.doesNotMatch(error.message, /hunter2/);
        return true;
      },
    );
  });
});
