// runs on: both databases
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { createLog, silentLog } from '@reeve/kit';
import { createTestDatabase, type TestDatabase } from '@reeve/testing';
import { noPgBouncer, startPgBouncer, type OwnPgBouncer } from '@reeve/testing/own-pgbouncer';
import { sql } from 'kysely';
import { Writable } from 'node:stream';
import pg from 'pg';
import { openPostgres } from './postgres.ts';
import { describePooler, findPoolerMode, poolerName } from './pooler.ts';
import { lookAtSchema } from './schema.ts';
import { inTenant } from './tenant.ts';

describe('PostgreSQL behind PgBouncer in transaction mode', { skip: noPgBouncer, timeout: 60_000 }, () => {
  let place: TestDatabase;
  let bouncer: OwnPgBouncer;
  let direct: string;
  let pooled: string;
  before(async () => {
    place = await createTestDatabase();
    direct = place.url!;
    bouncer = await startPgBouncer(direct);
    pooled = bouncer.url;
  });
  after(async () => {
    await bouncer[Symbol.asyncDispose]();
    await place[Symbol.asyncDispose]();
  });

  it('is noticed: one warning, statements without names, and a remedy for who asks', async () => {
    const lines: string[] = [];
    const destination = new Writable({
      write: (chunk: Buffer, _, done) => (lines.push(String(chunk)), done()),
    });
    const log = createLog('test', { level: 'warn', format: 'json', destination });
    await using database = await openPostgres({ url: pooled, pool: 4, log });
    assert.deepEqual(database.pooler, {
      name: 'a pooler (PgBouncer or the like)',
      mode: 'transaction',
      listens: false,
    });
    for (let times = 0; times < 20; times += 1)
      assert.deepEqual((await sql`select ${times}::int as n`.execute(database.db)).rows, [{ n: times }]);
    const { rows } = await sql`select 1 from pg_prepared_statements where name like 'reeve\\_%'`.execute(database.db);
    assert.deepEqual(rows, []);
    const warnings = lines.filter((line) => line.includes('pooler'));
    assert.equal(warnings.length, 1, lines.join(''));
    assert.match(warnings[0]!, /in transaction mode, without DATABASE_DIRECT_URL.*set DATABASE_DIRECT_URL/);
    const look = await lookAtSchema({ databaseUrl: pooled, dataDirectory: '' }, false);
    assert.deepEqual(look.pooler, database.pooler);
  });

  it('has every statement run under its settings, whichever connection it meets, and leaves none behind', async () => {
    await using database = await openPostgres({ url: pooled, pool: 13, log: silentLog });
    const settings = sql<{ zone: string; jit: string; plans: string; pid: number }>`
      select current_setting('TimeZone') as zone, current_setting('jit') as jit,
        current_setting('plan_cache_mode') as plans, pg_backend_pid() as pid, ${1}::int as one`;
    const server = new pg.Pool({ connectionString: pooled, max: 4 });
    const processes = new Set<number>();
    try {
      for (let times = 0; times < 20; times += 1) {
        const [here, inQueue, bound] = await Promise.all([
          settings.execute(database.db),
          settings.execute(database.queue),
          inTenant(database.db, 'default', async (tx) => {
            const { rows } = await settings.execute(tx);
            const { rows: later } = await sql<{ role: string; tenant: string; pid: number }>`
              select current_user as role, current_setting('reeve.tenant') as tenant, pg_backend_pid() as pid`.execute(
              tx,
            );
            return [rows[0]!, later[0]!] as const;
          }),
        ]);
        for (const { zone, jit } of [here.rows[0]!, inQueue.rows[0]!, bound[0]])
          assert.deepEqual([zone, jit], ['UTC', 'off']);
        assert.deepEqual([here.rows[0]!.plans, inQueue.rows[0]!.plans], ['auto', 'force_generic_plan']);
        assert.deepEqual([bound[1].role, bound[1].tenant], ['reeve_tenant', 'default']);
        assert.equal(bound[0].pid, bound[1].pid, 'a transaction stays on its connection');
        processes.add(here.rows[0]!.pid).add(inQueue.rows[0]!.pid);
        // What whoever shares the pooler sees.
        const { rows } = await server.query<{ role: string; tenant: string | null; plans: string; locks: number }>(
          `select current_user as role, nullif(current_setting('reeve.tenant', true), '') as tenant,
            current_setting('plan_cache_mode') as plans,
            (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks`,
        );
        assert.notEqual(rows[0]!.role, 'reeve_tenant');
        assert.deepEqual([rows[0]!.tenant, rows[0]!.plans, rows[0]!.locks], [null, 'auto', 0]);
      }
    } finally {
      await server.end();
    }
    assert.ok(processes.size > 1, 'statements met several connections of the pooler');
  });

  it('rolls back what began, and runs each statement outside of a transaction by itself', async () => {
    await using database = await openPostgres({ url: pooled, pool: 3, log: silentLog });
    await sql`create table pooled (id int primary key)`.execute(database.db);
    const failing = database.db.transaction().execute(async (tx) => {
      await sql`insert into pooled values (${1})`.execute(tx);
      await sql`insert into pooled values (${1})`.execute(tx);
    });
    await assert.rejects(failing, { code: '23505' });
    await assert.rejects(sql`select 1 / ${0}::int`.execute(database.db), { code: '22012' });
    await sql`insert into pooled values (${2})`.execute(database.db);
    await sql`insert into pooled values (3)`.execute(database.db);
    assert.deepEqual((await sql`select id from pooled order by id`.execute(database.db)).rows, [{ id: 2 }, { id: 3 }]);
  });

  it('tells listeners of this process at once, and has them look for what others did', async () => {
    await using one = await openPostgres({ url: pooled, pool: 3, log: silentLog });
    await using other = await openPostgres({ url: pooled, pool: 3, log: silentLog });
    const heard: (string | null)[] = [];
    const looked = new Promise<void>((resolve) =>
      one.listen('reeve_tasks', (payload) => {
        heard.push(payload);
        if (payload === null) resolve();
      }),
    );
    one.notify('reeve_tasks', 'mine');
    other.notify('reeve_tasks', 'theirs');
    await looked;
    assert.deepEqual([heard[0], heard.at(-1)], ['mine', null]);
    assert.ok(!heard.includes('theirs'));
  });

  it('hears what others tell by a direct address, and warns of nothing', async () => {
    const lines: string[] = [];
    const destination = new Writable({
      write: (chunk: Buffer, _, done) => (lines.push(String(chunk)), done()),
    });
    const log = createLog('test', { level: 'warn', format: 'json', destination });
    await using hearing = await openPostgres({ url: pooled, directUrl: direct, pool: 3, log });
    await using telling = await openPostgres({ url: pooled, pool: 3, log: silentLog });
    assert.equal(hearing.pooler?.listens, true);
    assert.deepEqual(describePooler(hearing.pooler), {
      found: 'behind a pooler (PgBouncer or the like) in transaction mode, listening by DATABASE_DIRECT_URL',
      remedy: null,
    });
    const heard = new Promise<string>((resolve) =>
      hearing.listen('reeve_runs', (payload) => payload !== null && resolve(payload)),
    );
    const again = setInterval(() => telling.notify('reeve_runs', 'run 1'), 20);
    assert.equal(await heard.finally(() => clearInterval(again)), 'run 1');
    assert.deepEqual(
      lines.filter((line) => line.includes('pooler')),
      [],
    );
  });

  it('is refused as a direct address, and so is another database', async () => {
    await assert.rejects(openPostgres({ url: pooled, directUrl: pooled, pool: 3, log: silentLog }), {
      reason: 'unavailable',
      message: /^DATABASE_DIRECT_URL: a pooler in transaction mode answers there/,
    });
    await using another = await createTestDatabase();
    await assert.rejects(openPostgres({ url: pooled, directUrl: another.url, pool: 3, log: silentLog }), {
      reason: 'unavailable',
      message: 'DATABASE_DIRECT_URL: it leads to another database than DATABASE_URL',
    });
  });

  it('says what it refuses, instead of that nothing answers', async () => {
    const refused = Object.assign(new URL(pooled), { search: '?options=-c%20jit%3Doff' }).href;
    await assert.rejects(openPostgres({ url: refused, pool: 3, log: silentLog }), {
      reason: 'unavailable',
      message: 'DATABASE_URL: cannot connect to PostgreSQL: unsupported startup parameter: options',
    });
  });

  it('is told from one in session mode, which keeps connections apart, and from one without transactions', async () => {
    await using apart = await startPgBouncer(direct, 'session');
    await using database = await openPostgres({ url: apart.url, pool: 3, log: silentLog });
    assert.deepEqual([database.pooler?.mode, database.pooler?.listens], ['session', true]);
    const heard = new Promise<string>((resolve) =>
      database.listen('reeve_runs', (payload) => payload !== null && resolve(payload)),
    );
    const again = setInterval(() => database.notify('reeve_runs', 'run 2'), 20);
    assert.equal(await heard.finally(() => clearInterval(again)), 'run 2');
    await using without = await startPgBouncer(direct, 'statement');
    await assert.rejects(openPostgres({ url: without.url, pool: 3, log: silentLog }), {
      reason: 'unavailable',
      message: /^DATABASE_URL: the pooler there refuses transactions: transaction blocks not allowed/,
    });
  });

  it('migrates an empty database through it, once for two processes that begin at once', async () => {
    const name = `reeve_test_${randomBytes(6).toString('hex')}`;
    const admin = new pg.Client(process.env['REEVE_TEST_DATABASE_URL']);
    await admin.connect();
    try {
      await admin.query(`create database ${name}`);
      const url = Object.assign(new URL(pooled), { pathname: `/${name}` }).href;
      const opened = await Promise.all([1, 2].map(() => openPostgres({ url, pool: 3, log: silentLog })));
      const looks = await Promise.all([1, 2].map(() => lookAtSchema({ databaseUrl: url, dataDirectory: '' }, false)));
      assert.deepEqual([looks[0]!.pending, looks[1]!.pending], [[], []]);
      await Promise.all(opened.map((each) => each[Symbol.asyncDispose]()));
    } finally {
      await admin.query(`drop database if exists ${name} with (force)`);
      await admin.end();
    }
  });
});

describe('a pooler', () => {
  it('is named after its host', () => {
    const names = [
      'postgres://a:b@aws-0-eu-central-1.pooler.supabase.com:6543/postgres',
      'postgres://a:b@ep-cool-1-pooler.eu-central-1.aws.neon.tech/neondb',
      'postgres://a:b@mine.proxy-abc.eu-central-1.rds.amazonaws.com/reeve',
      'postgres://a:b@10.0.0.7:6432/reeve',
    ].map(poolerName);
    assert.deepEqual(names, ['Supabase’s pooler', 'Neon’s pooler', 'RDS Proxy', 'a pooler (PgBouncer or the like)']);
  });

  it('in session mode needs no remedy', () => {
    assert.deepEqual(describePooler({ name: 'RDS Proxy', mode: 'session', listens: true }), {
      found: 'behind RDS Proxy in session mode',
      remedy: null,
    });
  });
});

describe('the mode of a pooler', () => {
  /** A connection that the driver was told is process 0, and that each query finds served by one of these. */
  const served = (next: () => number) =>
    ({
      processID: 0,
      query: async () => ({ rows: [{ pid: next() }] }),
      end: async () => undefined,
    }) as unknown as pg.Client;

  it('is found though two busy servers serve each query by chance', async () => {
    const random = () => 1 + Math.floor(Math.random() * 2);
    for (let times = 0; times < 2_000; times += 1)
      assert.equal(await findPoolerMode(served(random), async () => served(random)), 'transaction');
  });

  it('is that of sessions where each connection keeps its server', async () => {
    const keeping = (pid: number) => served(() => pid);
    assert.equal(await findPoolerMode(keeping(7), async () => keeping(8)), 'session');
    assert.equal(await findPoolerMode(keeping(7), async () => keeping(7)), 'transaction');
    assert.equal(await findPoolerMode(keeping(0), async () => keeping(0)), undefined, 'PostgreSQL itself');
  });
});
