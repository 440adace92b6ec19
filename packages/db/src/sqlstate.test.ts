import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openTestDatabase } from '@reeve/testing';
import { sql, type RawBuilder } from 'kysely';
import type { Database } from './database.ts';
import { isDeadlock, isDiskFull, isLockTimeout, isTransient, isUniqueViolation } from './sqlstate.ts';

describe('an error of the database', () => {
  let database: Database;
  before(async () => void (database = await openTestDatabase()));
  after(() => database[Symbol.asyncDispose]());

  async function kindsOf(statement: RawBuilder<unknown>): Promise<string[]> {
    const error = await statement.execute(database.db).then(
      () => assert.fail('it did not fail'),
      (thrown: unknown) => thrown,
    );
    return Object.entries({ isDeadlock, isDiskFull, isLockTimeout, isTransient, isUniqueViolation }).flatMap(
      ([name, is]) => (is(error) ? [name] : []),
    );
  }
  const raise = (state: string) => sql.raw(`do $$ begin raise exception using errcode = '${state}'; end $$`);

  it('is known by its SQLSTATE on both drivers', async () => {
    assert.deepEqual(await kindsOf(sql`insert into tenants (tenant_id, name) values ('default', '')`), [
      'isUniqueViolation',
    ]);
    assert.deepEqual(await kindsOf(sql`select 1 / 0`), []);
    assert.deepEqual(await kindsOf(sql`insert into sessions (id) values (null)`), []);
    for (const state of ['40001', '57P01', '57P03', '53300', '08006'])
      assert.deepEqual(await kindsOf(raise(state)), ['isTransient'], state);
    assert.deepEqual(await kindsOf(raise('40P01')), ['isDeadlock', 'isTransient']);
    assert.deepEqual(await kindsOf(raise('53100')), ['isDiskFull']);
    assert.deepEqual(await kindsOf(raise('55P03')), ['isLockTimeout']);
  });

  it('is transient where the network failed, and nothing where it is no error of a database', () => {
    for (const code of ['ECONNREFUSED', 'ECONNRESET', 'EPIPE'])
      assert.equal(isTransient(Object.assign(new Error(code), { code })), true);
    for (const thrown of [null, undefined, 'text', 7, {}, new Error('x'), { code: 7 }, { code: 'EACCES' }]) {
      assert.deepEqual([isTransient(thrown), isUniqueViolation(thrown), isDiskFull(thrown)], [false, false, false]);
    }
  });
});
