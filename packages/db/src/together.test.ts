// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openTestDatabase } from '@reeve/testing';
import { sql } from 'kysely';
import type { Database } from './database.ts';
import { runTogether, type Statement } from './sql.ts';

describe('statements that run together', () => {
  let database: Database;
  before(async () => {
    database = await openTestDatabase();
    await sql`create table letters (letter text primary key, place int)`.execute(database.db);
  });
  after(() => database[Symbol.asyncDispose]());

  const insert = (letter: string, place: number): Statement => ({
    text: 'insert into letters values ($1, $2) returning letter',
    parameters: [letter, place],
  });
  const count: Statement = { text: 'select count(*) as of from letters where place > $1', parameters: [0] };
  const run = (statements: readonly Statement[]) =>
    database.db.transaction().execute((tx) => runTogether(tx, statements));

  it('answer the rows of each, in their order, and see what those before them did', async () => {
    for (const [index, letter] of ['a', 'b', 'c', 'd'].entries())
      assert.deepEqual(await run([count, insert(letter, 1), count, { text: 'select 1 where false', parameters: [] }]), [
        [{ of: index }],
        [{ letter }],
        [{ of: index + 1 }],
        [],
      ]);
    assert.deepEqual(await run([]), []);
  });

  it('leave nothing where one of them fails, and say which failure was the first', async () => {
    const before = await run([count]);
    await assert.rejects(run([insert('x', 1), insert('x', 1), insert('y', 1)]), { code: '23505' });
    assert.deepEqual(await run([count]), before);
    assert.deepEqual(await run([insert('x', 1)]), [[{ letter: 'x' }]]);
  });
});
