// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { isTransient, openDatabase, type Database } from '@reeve/db';
import { ReeveError, silentLog } from '@reeve/kit';
import { createTestDatabase, cutConnections, openTestDatabase, testDatabaseKind } from '@reeve/testing';
import { sql } from 'kysely';
import { ensureTenant } from '@reeve/identity';
import { createLedger } from './ledger.ts';
import { ATTEMPT, ended, OWNER, setBudget, stateOf } from '../test/metering.ts';
import { expireCalls, sweepCalls } from './sweep.ts';

const END = ended(400, 20);

describe('the ledger', () => {
  let database: Database;
  before(async () => {
    database = await openTestDatabase();
    await sql`create function fail() returns trigger language plpgsql as
      $$ begin raise exception 'no' using errcode = tg_argv[0]; end $$`.execute(database.db);
  });
  beforeEach(async () => void (await database.db.deleteFrom('model_calls').execute()));
  after(() => database[Symbol.asyncDispose]());

  const ledger = () => createLedger(database, OWNER, silentLog);
  const calls = () => database.db.selectFrom('model_calls').selectAll().orderBy('created_at').execute();
  const failing = (change: string, state: string) =>
    sql`create trigger failing before ${sql.raw(change)} on model_calls for each row execute function fail(${sql.lit(state)})`.execute(
      database.db,
    );
  const working = () => sql`drop trigger failing on model_calls`.execute(database.db);

  it('has a row for each attempt before it is sent, and settles each once', async () => {
    const first = await ledger().begin(ATTEMPT);
    const second = await ledger().begin({ ...ATTEMPT, attempt: 2 });
    assert.deepEqual(
      (await calls()).map(({ attempt, status }) => [attempt, status]),
      [
        [1, 'open'],
        [2, 'open'],
      ],
    );
    await Promise.all([first.settle({ ...END, outcome: 'rate_limited' }), first.settle(END), second.settle(END)]);
    await first.settle(END);
    assert.deepEqual(
      (await calls()).map(({ outcome, cost_nano }) => [outcome, cost_nano]),
      [
        ['rate_limited', 48_000],
        ['ok', 48_000],
      ],
    );
  });

  it('refuses what a budget has no room for', async () => {
    await setBudget(database, { tenantId: 'other', tokens: 1 });
    const refused = createLedger(database, { ...OWNER, tenantId: 'other' }, silentLog).begin(ATTEMPT);
    await assert.rejects(refused, (error) => error instanceof ReeveError && error.reason === 'budget_exhausted');
    assert.deepEqual(await calls(), []);
  });

  it('lets in exactly those that have room of many that begin at once, while others end', async () => {
    for (const tenant of ['busy', 'poor']) await ensureTenant(database.db, tenant);
    await setBudget(database, { tenantId: 'busy', tokens: 12_000 });
    await setBudget(database, { tenantId: 'poor', nano: 1 });
    const own = createLedger(database, { ...OWNER, tenantId: 'busy' }, silentLog);
    const ending = await Promise.all(Array.from({ length: 4 }, () => own.begin(ATTEMPT)));
    const poor = createLedger(database, { ...OWNER, tenantId: 'poor' }, silentLog).begin(ATTEMPT);
    const begun = Array.from({ length: 30 }, () => own.begin(ATTEMPT));
    const [refused] = await Promise.allSettled([poor, ...ending.map((call) => call.settle(ended(400, 100)))]);
    const results = await Promise.allSettled(begun);
    // Those that end leave room for two, if they ended before the last of the others was tried.
    const admitted = results.filter(({ status }) => status === 'fulfilled').length;
    assert.ok(admitted >= 8 && admitted <= 10, String(admitted));
    assert.equal(refused.status, 'rejected');
    assert.deepEqual(await stateOf(database, 'tenant', 'busy'), [2_000, 320_000, admitted * 1_000, admitted * 250_000]);
  });

  it('books what comes at once in few statements', async () => {
    // Each statement is a transaction of its own, and rows know which one wrote them last.
    const statements = async () =>
      (
        await sql<{ count: number }>`select count(distinct xmin::text)::int as count from model_calls`.execute(
          database.db,
        )
      ).rows[0]!.count;
    const own = ledger();
    const begun = await Promise.all(Array.from({ length: 50 }, () => own.begin(ATTEMPT)));
    assert.equal((await calls()).length, 50);
    assert.ok((await statements()) <= 4);
    await Promise.all(begun.map((call) => call.settle(END)));
    assert.ok((await statements()) <= 4);
  });

  it('settles when the database is back, and not before', async () => {
    const call = await ledger().begin(ATTEMPT);
    await failing('update', '57P01');
    let isSettled = false;
    const settling = call.settle(END).then(() => (isSettled = true));
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(isSettled, false);
    await working();
    await settling;
    assert.equal((await calls())[0]?.outcome, 'ok');
  });

  it('survives connections that are cut', { skip: testDatabaseKind === 'pglite' && 'it has none' }, async () => {
    await using place = await createTestDatabase();
    await using cut = await openDatabase({ ...place, pool: 1, log: silentLog });
    await using onlooker = await openDatabase({ ...place, pool: 1, log: silentLog });
    await ensureTenant(cut.db, 'default');
    const call = await createLedger(cut, OWNER, silentLog).begin(ATTEMPT);
    const settling = call.settle(END);
    await cutConnections(onlooker.db);
    await settling;
    const rows = await onlooker.db.selectFrom('model_calls').select('outcome').execute();
    assert.deepEqual(rows, [{ outcome: 'ok' }]);
  });

  it('begins no call that it cannot write down', async () => {
    await failing('insert', '57P01');
    await assert.rejects(ledger().begin(ATTEMPT), isTransient);
    await working();
    assert.deepEqual(await calls(), []);
  });

  it('leaves to the sweep what it cannot settle, and keeps the answer', async () => {
    const call = await ledger().begin(ATTEMPT);
    await failing('update', '23514');
    await call.settle(END);
    await working();
    assert.equal((await calls())[0]?.status, 'open');
    await expireCalls(database.db);
    assert.equal(await sweepCalls(database, silentLog), 1);
    assert.deepEqual(
      (await calls()).map(({ outcome, cost_nano }) => [outcome, cost_nano]),
      [['crashed', 250_000]],
    );
  });
});
