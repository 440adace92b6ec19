// runs on: both databases
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import { silentLog } from '@reeve/kit';
import { openTestDatabase } from '@reeve/testing';
import { CompiledQuery, sql } from 'kysely';
import pg from 'pg';
import type { Database } from './database.ts';
import { listMigrations, migrate, pendingMigrations, type RunSql } from './migrate.ts';
import { openPostgres } from './postgres.ts';
import { restoreSnapshot } from './snapshot.ts';

const server = process.env['REEVE_TEST_DATABASE_URL'];

describe('migrations', () => {
  let database: Database;
  beforeEach(async () => void (database = await openTestDatabase()));
  afterEach(() => database[Symbol.asyncDispose]());

  /** All on one connection, which holds the lock of `migrate`. */
  const onConnection = <T>(work: (run: RunSql) => Promise<T>) =>
    database.db
      .connection()
      .execute((db) => work(async (text) => (await db.executeQuery(CompiledQuery.raw(text))).rows));

  it('are named by number, one for each', () => {
    const numbers = listMigrations().map(({ name }) => name.slice(0, 4));
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => String(index + 1).padStart(4, '0')),
    );
  });

  it('change nothing the second time', async () => {
    const applied = () => sql`select * from reeve_migrations`.execute(database.db).then(({ rows }) => rows);
    const before = await applied();
    assert.equal(before.length, listMigrations().length);
    assert.deepEqual(await onConnection(migrate), []);
    assert.deepEqual(await onConnection(migrate), [], 'the lock was given back');
    assert.deepEqual(await applied(), before);
  });

  it('are refused where another text of one was applied', async () => {
    const { name } = listMigrations()[0]!;
    await sql`update reeve_migrations set checksum = 'other' where name = ${name}`.execute(database.db);
    await assert.rejects(onConnection(migrate), {
      reason: 'conflict',
      message: `the database was migrated with another text of ${name}; this program does not fit it`,
    });
    await assert.rejects(onConnection(pendingMigrations), { reason: 'conflict' });
  });

  it('are refused where a newer program has been', async () => {
    await sql`insert into reeve_migrations (name, checksum) values ('9999_future.sql', 'x')`.execute(database.db);
    await assert.rejects(onConnection(migrate), {
      reason: 'conflict',
      message: 'the database knows the migration 9999_future.sql, this program does not: start a newer Reeve',
    });
  });

  it('are pending where they were not applied, and only then', async () => {
    assert.deepEqual(await onConnection(pendingMigrations), []);
    await sql`delete from reeve_migrations`.execute(database.db);
    assert.deepEqual(
      (await onConnection(pendingMigrations)).map(({ name }) => name),
      listMigrations().map(({ name }) => name),
    );
  });

  it('leave nothing of one that failed', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'reeve-migrate-'));
    await restoreSnapshot(join(directory, 'db'));
    const pglite = await PGlite.create(join(directory, 'db'));
    try {
      const run: RunSql = async (text) => (await pglite.exec(text)).at(-1)?.rows ?? [];
      await run('delete from reeve_migrations; drop table audit');
      await assert.rejects(migrate(run), { message: /^migration 0001_main_road\.sql failed: .*already exists/ });
      assert.deepEqual(await run('select * from reeve_migrations'), []);
      assert.deepEqual(await run(`select to_regclass('audit') as found`), [{ found: null }]);
    } finally {
      await pglite.close();
      rmSync(directory, { recursive: true });
    }
  });

  it(
    'are applied once by two processes that begin at once',
    { skip: server === undefined && 'needs PostgreSQL (REEVE_TEST_DATABASE_URL)' },
    async () => {
      const name = `reeve_test_${randomBytes(6).toString('hex')}`;
      const admin = new pg.Client(server);
      await admin.connect();
      try {
        await admin.query(`create database ${name}`);
        const url = Object.assign(new URL(server!), { pathname: `/${name}` }).href;
        const opened = await Promise.all([1, 2, 3].map(() => openPostgres({ url, pool: 2, log: silentLog })));
        const { rows } = await sql<{ name: string }>`select name from reeve_migrations`.execute(opened[0]!.db);
        assert.deepEqual(
          rows.map((row) => row.name),
          listMigrations().map((migration) => migration.name),
        );
        await Promise.all(opened.map((each) => each[Symbol.asyncDispose]()));
      } finally {
        await admin.query(`drop database if exists ${name} with (force)`);
        await admin.end();
      }
    },
  );
});
