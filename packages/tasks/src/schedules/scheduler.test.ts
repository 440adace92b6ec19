// runs on: both databases
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { openDatabase, type Database } from '@reeve/db';
import { silentLog, sleep } from '@reeve/kit';
import { DEFAULT_TENANT, ensureTenant } from '@reeve/identity';
import { createTestDatabase, cutConnections, testDatabaseKind, type TestDatabase } from '@reeve/testing';
import { sql } from 'kysely';
import type { CheckTask } from '../queue/agent-names.ts';
import { changeSchedule, createSchedule } from './schedule-change.ts';
import { startScheduler } from './scheduler.ts';

const requester = { tenantId: DEFAULT_TENANT, userId: 'ada', traceId: 'trace-1' };
const check: CheckTask = async (_, __, agentId) => agentId;

describe('schedulers', () => {
  let place: TestDatabase;
  let database: Database;
  const opened: Database[] = [];

  /** Another process's connections; the embedded database has one process only. */
  async function another(): Promise<Database> {
    if (testDatabaseKind === 'pglite') return database;
    const made = await openDatabase({ ...place, pool: 7, log: silentLog });
    opened.push(made);
    return made;
  }
  const start = (on: Database) => startScheduler({ database: on, check, log: silentLog });
  const make = (title: string, inMs: number) =>
    createSchedule(database, check, [], requester, {
      agent_id: 'assistant',
      task_type: 'query',
      title,
      cron: '0 9 * * *',
      timezone: 'UTC',
      enabled: true,
      config: {},
      catch_up: 'one',
      next_run_at: new Date(Date.now() + inMs).toISOString(),
    });
  const titles = async (on = database) =>
    (await on.db.selectFrom('tasks').select('title').execute()).map(({ title }) => title).toSorted();
  async function until(count: number, on = database): Promise<void> {
    const end = performance.now() + 8_000;
    while ((await titles(on)).length < count && performance.now() < end) await sleep(20);
    assert.equal((await titles(on)).length, count);
  }

  beforeEach(async () => {
    place = await createTestDatabase();
    database = await openDatabase({ ...place, pool: 13, log: silentLog });
    await ensureTenant(database.db, DEFAULT_TENANT);
  });
  afterEach(async () => {
    for (const one of opened.splice(0)) await one[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
    await place[Symbol.asyncDispose]();
  });

  it('two or five of them make one task for each due time', async () => {
    for (const count of [2, 5]) {
      await sql`delete from schedules`.execute(database.db);
      await sql`delete from tasks`.execute(database.db);
      const names = Array.from({ length: 20 }, (_, n) => `schedule ${String(n).padStart(2, '0')}`);
      for (const name of names) await make(name, 600);
      {
        await using stack = new AsyncDisposableStack();
        for (let n = 0; n < count; n += 1) stack.use(start(await another()));
        await until(20);
        await sleep(300);
      }
      assert.deepEqual(await titles(), names);
      const { rows } = await sql<{ count: number }>`
        select count(*)::int as count from journal where type = 'schedule_fired' and created_at > reeve_now() - interval '1 minute'`.execute(
        database.db,
      );
      assert.equal(rows[0]!.count, count === 2 ? 20 : 40);
    }
  });

  it('are woken by a schedule that is made or changed, and otherwise ask nothing', async () => {
    let queries = 0;
    const counted = {
      ...database,
      db: database.db.withPlugin({
        transformQuery: ({ node }) => ((queries += 1), node),
        transformResult: async ({ result }) => result,
      }),
    };
    // Over PostgreSQL the listener hears first that it listens.
    await sleep(200);
    await using scheduler = start(counted);
    await sleep(300);
    assert.equal(queries, 1, 'it looked once');
    await sleep(500);
    assert.equal(queries, 1);
    const { id } = await make('soon', 3_600_000);
    await sleep(300);
    assert.equal(queries, 2);
    await changeSchedule(database, check, requester, id, { next_run_at: new Date(Date.now() + 300).toISOString() });
    await until(1);
    assert.ok(scheduler);
  });

  it('make the task at its time, not a moment earlier', async () => {
    await using scheduler = start(database);
    const { next_run_at } = await make('on time', 700);
    await until(1);
    const { created_at } = await database.db.selectFrom('tasks').select('created_at').executeTakeFirstOrThrow();
    const lateMs = created_at.getTime() - Date.parse(next_run_at!);
    assert.ok(lateMs >= 0 && lateMs < 1_000, `${lateMs} ms`);
    assert.ok(scheduler);
  });

  it(
    'leave a schedule that another holds alone, and make its task when that one dies',
    { skip: testDatabaseKind === 'pglite' },
    async () => {
      await make('held', 0);
      const holder = await another();
      const { promise: died, reject: die } = Promise.withResolvers<never>();
      const { promise: held, resolve } = Promise.withResolvers<void>();
      const holding = holder.db.transaction().execute(async (tx) => {
        await tx.selectFrom('schedules').selectAll().forUpdate().execute();
        resolve();
        await died;
      });
      await held;
      await using scheduler = start(database);
      await sleep(300);
      assert.deepEqual(await titles(), []);
      die(new Error('killed'));
      await assert.rejects(holding);
      await until(1);
      assert.ok(scheduler);
    },
  );

  it('go on after the database was lost', { skip: testDatabaseKind === 'pglite' }, async () => {
    const admin = await another();
    await using scheduler = start(database);
    await make('after the loss', 300);
    const end = performance.now() + 1_500;
    while (performance.now() < end) {
      await cutConnections(admin.db, sql`datname = current_database() and state is distinct from 'active'`);
      await sleep(20);
    }
    await until(1, admin);
    assert.ok(scheduler);
  });

  it('stop at once where there is nothing to do', async () => {
    const scheduler = start(database);
    await sleep(100);
    const before = performance.now();
    await scheduler[Symbol.asyncDispose]();
    assert.ok(performance.now() - before < 3_000);
  });
});
