// runs on: both databases
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { silentLog } from '@reeve/kit';
import { openTestDatabase } from '@reeve/testing';
import { sql } from 'kysely';
import pg from 'pg';
import type { Database } from './database.ts';
import { openPostgres } from './postgres.ts';
import { ensureVectors, findVectors } from './vectors.ts';

const server = process.env['REEVE_TEST_DATABASE_URL'];

describe('pgvector', () => {
  let database: Database;
  before(async () => void (database = await openTestDatabase()));
  after(() => database[Symbol.asyncDispose]());
  const run = async (text: string): Promise<unknown[]> => {
    const parts = text.split(';').filter((part) => part.trim() !== '');
    let rows: unknown[] = [];
    for (const part of parts) ({ rows } = await sql.raw(part).execute(database.db));
    return rows;
  };

  it('is in the embedded database, which makes it anew where it was dropped', async (test) => {
    if (database.kind === 'postgres') return test.skip('the role of the tests may not create it');
    assert.ok(database.vectors.available);
    await run('drop extension vector cascade');
    const lacking = await findVectors(run);
    assert.match(lacking.available ? '' : lacking.reason, /not created in this database/);
    assert.deepEqual(await ensureVectors(run), database.vectors);
    assert.deepEqual(await ensureVectors(run), database.vectors, 'and once');
    const { rows } = await sql`select vector from embedding_vectors`.execute(database.db);
    assert.deepEqual(rows, []);
  });

  it('is not used where it is missing, old or not created, which is said', async () => {
    const reason = async (...rows: object[]) => {
      const found = await findVectors(async () => rows);
      return found.available ? 'available' : found.reason;
    };
    const row = { offered: '0.8.10', version: '0.8.4', schema: 'public' };
    assert.equal(await reason(), 'the server has no pgvector');
    assert.equal(await reason(row), 'available');
    assert.equal(await reason({ ...row, version: '0.10.0' }), 'available');
    assert.match(await reason({ ...row, version: '0.8.3' }), /0\.8\.3 is older than 0\.8\.4: .*alter extension/);
    assert.equal(await reason({ offered: '0.7.4', version: null, schema: null }), 'pgvector 0.7.4 is older than 0.8.4');
    assert.match(await reason({ ...row, version: null, schema: null }), /not created in this database/);
  });

  it(
    'is done without in a database that has none and whose role may not create it',
    { skip: server === undefined && 'needs PostgreSQL (REEVE_TEST_DATABASE_URL)' },
    async () => {
      const name = `reeve_test_${randomBytes(6).toString('hex')}`;
      const admin = new pg.Client(server);
      await admin.connect();
      try {
        await admin.query(`create database ${name} template template0`);
        const url = Object.assign(new URL(server!), { pathname: `/${name}` }).href;
        const opened = await openPostgres({ url, pool: 2, log: silentLog });
        assert.match(
          opened.vectors.available ? '' : opened.vectors.reason,
          /not created in this database|the server has no pgvector/,
        );
        const { rows } = await sql`select to_regclass('embedding_vectors') as found`.execute(opened.db);
        assert.deepEqual(rows, [{ found: null }]);
        await opened[Symbol.asyncDispose]();
      } finally {
        await admin.query(`drop database if exists ${name} with (force)`);
        await admin.end();
      }
    },
  );
});
