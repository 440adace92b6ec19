// runs on: both databases
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openTestDatabase, testDatabaseKind } from '@reeve/testing';
import { sql } from 'kysely';
import { reuseRoom, shortenLog } from './checkpoint.ts';

/** A server makes its own. */
const options = { skip: testDatabaseKind === 'postgres' ? 'of the embedded database' : false, timeout: 120_000 };

it('the log of the embedded database stays short, however much is written', options, async () => {
  await using database = await openTestDatabase();
  const { db } = database;
  const megabytes = async () =>
    Number((await sql<{ mb: number }>`select sum(size) / 1048576 as mb from pg_ls_waldir()`.execute(db)).rows[0]!.mb);
  assert.equal(await shortenLog(db, 2 ** 30), false);
  await sql`create table filled (text text)`.execute(db);
  const made: boolean[] = [];
  for (let round = 0; round < 12; round += 1) {
    await sql`insert into filled select repeat(md5(n::text), 40) from generate_series(1, 12000) n`.execute(db);
    await sql`truncate filled`.execute(db);
    made.push(await shortenLog(db, 2 ** 24));
  }
  assert.ok(made.filter(Boolean).length > 5);
  // Twelve times sixteen were written.
  assert.ok((await megabytes()) <= 112, `${await megabytes()} MB`);
});

it('the room of rows that are gone is used again in the embedded database', options, async () => {
  await using database = await openTestDatabase();
  const { db } = database;
  const sizes = new Map<string, number>();
  await sql`create table refilled (text text)`.execute(db);
  assert.equal(await reuseRoom(db, sizes, 2 ** 20), undefined);
  const kilobytes: number[] = [];
  for (let round = 0; round < 8; round += 1) {
    await sql`insert into refilled select repeat(md5(n::text), 40) from generate_series(1, 2000) n`.execute(db);
    await sql`delete from refilled`.execute(db);
    await reuseRoom(db, sizes, 2 ** 20);
    kilobytes.push(Math.round(sizes.get('refilled')! / 1024));
  }
  const { rows } = await sql<{ size: number }>`select pg_total_relation_size('refilled') as size`.execute(db);
  // Eight times 2.7 MB were written.
  assert.ok(rows[0]!.size < 9 * 2 ** 20, `${rows[0]!.size} bytes, ${kilobytes.join(' ')} kB`);
});
