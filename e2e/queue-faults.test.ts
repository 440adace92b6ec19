// runs on: both databases, and behind PgBouncer
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TaskInput } from '@reeve/contract';
import { isDiskFull, openDatabase, type Database } from '@reeve/db';
import { silentLog } from '@reeve/kit';
import { createEnqueuer, type TaskHandler } from '@reeve/tasks';
import { ensureTenant } from '@reeve/identity';
import fc from 'fast-check';
import { sql } from 'kysely';
import pg from 'pg';
import { cases } from '@reeve/testing/cases';
import { createTestDatabase, cutConnections, testDatabaseKind, type TestDatabase } from '@reeve/testing/database';
import { startPostgres } from '@reeve/testing/own-postgres';
import { mountSmallDisk } from '@reeve/testing/small-disk';
import {
  readEffects,
  startQueueProcess,
  type QueueEffect,
  type QueueProcess,
  type QueueWorkerOptions,
} from '@reeve/testing/queue-process';

/*
 * Faults of workers, databases and clocks, and what is left after them. A task's handler tells of its effects outside of the
 * database, so what a dead worker did counts. Promised is: no task is lost or stuck; each ends once, with one entry in the
 * journal; the attempt that ended it did its effect once; and any other effect is that of an attempt whose lease was lost,
 * which the journal tells of. With REEVE_TEST_DEEP=1 there are many more tasks and faults.
 */
const isServer = testDatabaseKind === 'postgres';
/** Of tasks or faults. */
const number = (many: number, few: number): number => cases(many, few).numRuns;
/** For tests that start a PostgreSQL themselves: no pooler is in front of it, so that they have nothing to add there. */
const ownServer = { skip: process.env['REEVE_TEST_POOLER_URL'] !== undefined && 'has a server without a pooler' };
const requester = { tenantId: 'default', userId: 'ada', traceId: 'trace-1' };
const check = async (_: unknown, __: string, agentId: string) => agentId;
const idle: TaskHandler = { run: async () => null, ended: async () => undefined };

/** A database that worker processes can be pointed at. The embedded one has to be closed while one has it. */
interface Scene extends AsyncDisposable {
  readonly effects: string;
  open(): Promise<Database>;
  start(owner: string, options?: Partial<QueueWorkerOptions>): QueueProcess;
}

async function setScene(url?: string): Promise<Scene> {
  const made: TestDatabase = await createTestDatabase();
  const place = { ...made, url: url ?? made.url };
  const effects = join(place.dataDirectory, 'effects');
  const dataDirectory = join(place.dataDirectory, 'db');
  const open = () => openDatabase({ url: place.url, dataDirectory, pool: 7, log: silentLog });
  await using database = await open();
  await ensureTenant(database.db, 'default');
  return {
    effects,
    open,
    start: (owner, options = {}) =>
      startQueueProcess({
        url: place.url,
        dataDirectory,
        owner,
        concurrency: 8,
        prefetch: 8,
        leaseMs: 2_000,
        effects,
        ...options,
      }),
    [Symbol.asyncDispose]: () => made[Symbol.asyncDispose](),
  };
}

async function enqueue(database: Database, count: number, fields: object | ((n: number) => object)): Promise<string[]> {
  const enqueuer = createEnqueuer(database, idle, check);
  const ids: string[] = [];
  for (let from = 0; from < count; from += 1_000) {
    const inputs = Array.from({ length: Math.min(1_000, count - from) }, (_, n) =>
      TaskInput.parse({
        agent_id: 'ada',
        task_type: 'query',
        title: `task ${from + n}`,
        max_attempts: 20,
        ...(typeof fields === 'function' ? fields(from + n) : fields),
      }),
    );
    ids.push(...(await enqueuer.batch(requester, inputs)).map(({ id }) => id));
  }
  return ids;
}

/** Chains of three, each with a place of one key, so that what follows an end is at stake too. */
async function enqueueChains(database: Database, count: number): Promise<void> {
  const keyed = (n: number) => ({ agent_id: 'bob', concurrency_key: `key${n % 5}` });
  let before: string[] = [];
  for (let link = 0; link < 3; link++) {
    const { length } = before;
    const dependsOn = before;
    before = await enqueue(database, count, (n) => ({ ...keyed(n), depends_on: length === 0 ? [] : [dependsOn[n]!] }));
  }
}

/** Checks what is promised, above, of every task. Answers the number of effects that were repeated. */
async function assertAllOnce(database: Database, effects: readonly QueueEffect[], expected: number): Promise<number> {
  const { db } = database;
  for (const table of [
    'leases',
    'ready_tasks',
    'waiting_tasks',
    'task_dependencies',
    'concurrency_slots',
    'task_completion_outbox',
  ] as const)
    assert.deepEqual(await db.selectFrom(table).selectAll().limit(3).execute(), [], `${table} is empty`);
  const { rows } = await sql<{
    id: string;
    status: string;
    attempts: number;
    epoch: number | null;
    endings: number;
    lost: number[];
  }>`
    select t.id, t.status, t.attempts, (t.result->>'epoch')::int as epoch,
      count(*) filter (where j.type in ('task_completed', 'task_failed', 'task_cancelled'))::int as endings,
      coalesce(array_agg((j.details->>'attempt')::int) filter (where j.type = 'task_returned' and j.details ? 'attempt'), '{}') as lost
    from tasks t left join journal j on j.task_id = t.id group by t.id`.execute(db);
  assert.equal(rows.length, expected);
  const byTask = Map.groupBy(
    effects.filter(({ what }) => what === 'done'),
    ({ taskId }) => taskId,
  );
  let repeated = 0;
  for (const { id, status, attempts, epoch, endings, lost } of rows) {
    assert.deepEqual([status, endings], ['completed', 1], `task ${id}`);
    const own = byTask.get(id) ?? [];
    const settled = own.filter((effect) => effect.attempt === attempts);
    assert.equal(settled.length, 1, `the attempt that ended task ${id} did its effect once`);
    assert.equal(settled[0]!.epoch, epoch, `task ${id} has the result of that attempt`);
    for (const { attempt } of own.filter((effect) => effect.attempt !== attempts)) {
      repeated += 1;
      assert.ok(lost.includes(attempt), `task ${id} did its effect in attempt ${attempt}, which was not lost`);
    }
  }
  return repeated;
}

describe('the queue under faults', { timeout: 900_000 }, () => {
  it(
    'loses no task and ends each once while its workers are killed at random',
    { timeout: number(800_000, 120_000) },
    async (context) => {
      await using scene = await setScene();
      const tasks = isServer ? number(10_000, 1_000) : number(2_000, 300);
      const kills = isServer ? cases(60, 6) : cases(20, 3);
      const chains = number(100, 10);
      {
        await using database = await scene.open();
        await enqueue(database, tasks, (n) => ({ payload: { ms: n % 20 } }));
        await enqueueChains(database, chains);
      }
      let started = 0;
      const next = () =>
        scene.start(`w${(started += 1)}`, {
          untilIdle: true,
          ...(!isServer && { leaseMs: 30_000 }),
        });
      const workers = Array.from({ length: isServer ? 3 : 1 }, next);
      let killed = 0;
      const all = tasks + 3 * chains;
      // At random moments, spread over the tasks that there are, whoever began one last.
      const moments = fc.sample(fc.noBias(fc.integer({ min: 1, max: Math.ceil(all * 0.9) - 1 })), kills);
      for (const moment of moments.toSorted((one, other) => one - other)) {
        let victim: QueueProcess | undefined;
        while (victim === undefined && workers.some(({ hasExited }) => !hasExited)) {
          const begun = readEffects(scene.effects).filter(({ what }) => what === 'begun');
          if (begun.length > moment)
            victim = workers.find(({ owner, hasExited }) => owner === begun.at(-1)!.owner && !hasExited);
          if (victim === undefined) await sleep(10);
        }
        victim?.send('SIGKILL');
        if ((await victim?.exited) !== 'SIGKILL') break;
        killed += 1;
        workers[workers.indexOf(victim!)] = next();
      }
      for (const worker of workers) assert.equal(await worker.exited, 0, worker.output());
      await using database = await scene.open();
      const repeated = await assertAllOnce(database, readEffects(scene.effects), all);
      context.diagnostic(`${all} tasks, ${killed} workers killed, ${repeated} effects of lost attempts`);
      assert.ok(killed >= 2, `${killed} were killed`);
    },
  );

  it('ends a task that kills its process with a reason, and completes all that ran beside it', async (context) => {
    await using scene = await setScene();
    {
      await using database = await scene.open();
      await enqueue(database, 30, { max_attempts: 3, payload: { ms: 20 } });
      await enqueue(database, 1, { title: 'poison', max_attempts: 3, payload: { poison: true } });
      await enqueue(database, 30, { max_attempts: 3, payload: { ms: 20 } });
    }
    let died = 0;
    const keepOne = async (name: string) => {
      for (let n = 1; ; n++) {
        await using worker = scene.start(`${name}${n}`, { untilIdle: true });
        const end = await worker.exited;
        if (end === 0) return;
        assert.equal(end, 'SIGKILL', worker.output());
        died += 1;
      }
    };
    await Promise.all((isServer ? ['one', 'two'] : ['one']).map(keepOne));
    await using database = await scene.open();
    const found = await database.db
      .selectFrom('tasks')
      .select(['title', 'status', 'attempts', 'error_message'])
      .execute();
    assert.deepEqual(
      found.filter(({ status }) => status !== 'completed'),
      [{ title: 'poison', status: 'failed', attempts: 3, error_message: 'the worker stopped without a word, 3 times' }],
    );
    assert.equal(died, 3);
    const lost = found.filter(({ title, attempts }) => title !== 'poison' && attempts > 1).length;
    context.diagnostic(`${lost} of 60 others were interrupted by it`);
  });

  if (isServer) {
    it('changes nothing by what a worker writes that was stopped past its lease and goes on', async () => {
      await using scene = await setScene();
      await using database = await scene.open();
      const ids = await enqueue(database, 4, { payload: { ms: 700 } });
      const options = { concurrency: 4, prefetch: 0, leaseMs: 1_000 };
      await using paused = scene.start('paused', options);
      while (readEffects(scene.effects).filter(({ what }) => what === 'begun').length < 4) await sleep(5);
      paused.send('SIGSTOP');
      {
        await using other = scene.start('other', { ...options, untilIdle: true });
        assert.equal(await other.exited, 0, other.output());
      }
      const state = async () => ({
        tasks: await database.db.selectFrom('tasks').selectAll().where('id', 'in', ids).orderBy('id').execute(),
        journal: await database.db
          .selectFrom('journal')
          .select(['position', 'type'])
          .where('task_id', 'in', ids)
          .orderBy('position')
          .execute(),
      });
      const before = await state();
      assert.deepEqual(
        before.tasks.map(({ status, attempts, result }) => [status, attempts, (result as { by: string }).by]),
        Array.from({ length: 4 }, () => ['completed', 2, 'other']),
      );
      paused.send('SIGCONT');
      // It works on as if nothing had been, so what it had in hand is behind it when it has done another task.
      const [last] = await enqueue(database, 1, { payload: { ms: 1_500 } });
      while (!readEffects(scene.effects).some(({ what, taskId }) => what === 'done' && taskId === last))
        await sleep(20);
      paused.send('SIGTERM');
      assert.equal(await paused.exited, 0, paused.output());
      assert.deepEqual(await state(), before);
    });

    it('goes by the database’s clock, whatever a worker’s own says', async () => {
      await using scene = await setScene();
      await using database = await scene.open();
      const runAt = new Date(Date.now() + 3_000);
      const later = await enqueue(database, 5, { run_at: runAt.toISOString() });
      const slow = await enqueue(database, 6, { payload: { ms: 2_500 } });
      const quick = number(1_000, 100);
      await enqueue(database, quick, (n) => ({ payload: { ms: 1, failures: n % 10 === 0 ? 2 : 0 } }));
      const hour = 3_600_000;
      const options = { untilIdle: true, concurrency: 4, prefetch: 0 };
      await using ahead = scene.start('ahead', { ...options, clockOffMs: hour });
      await using behind = scene.start('behind', { ...options, clockOffMs: -hour });
      await using right = scene.start('right', options);
      for (const worker of [ahead, behind, right]) assert.equal(await worker.exited, 0, worker.output());
      const effects = readEffects(scene.effects);
      assert.equal(await assertAllOnce(database, effects, 11 + quick), 0);
      for (const id of slow)
        assert.equal(effects.filter(({ taskId }) => taskId === id).length, 2, 'no lease was taken from one that lives');
      const started = await database.db
        .selectFrom('journal')
        .select('created_at')
        .where('type', '=', 'task_started')
        .where('task_id', 'in', later)
        .execute();
      assert.equal(started.length, 5);
      for (const { created_at } of started) assert.ok(created_at >= runAt, 'none started before its time');
      assert.deepEqual(
        [...new Set(effects.filter(({ what }) => what === 'done').map(({ owner }) => owner))].toSorted(),
        ['ahead', 'behind', 'right'],
      );
    });

    it('completes everything where the database drops every connection again and again', async (context) => {
      await using scene = await setScene();
      const tasks = number(5_000, 600);
      const cuts = number(40, 8);
      const repeated = await workUnder(scene, tasks, cuts, async () => {
        await using database = await scene.open();
        await cutConnections(database.db);
      });
      context.diagnostic(`${tasks} tasks, ${cuts} cuts, ${repeated} effects of lost attempts`);
    });

    it('completes everything where the database dies and starts again', ownServer, async (context) => {
      await using server = await startPostgres();
      await using scene = await setScene(server.url);
      const tasks = number(5_000, 600);
      const restarts = number(10, 2);
      const repeated = await workUnder(scene, tasks, restarts, () => server.restart());
      context.diagnostic(`${tasks} tasks, ${restarts} restarts, ${repeated} effects of lost attempts`);
    });

    it(
      'refuses tasks while the disk is full, and completes what it took once there is room',
      ownServer,
      async (context) => {
        await using server = await startPostgres();
        await using disk = await mountSmallDisk(28, server.user);
        if (disk === undefined) return context.skip('needs to mount a small file system, which only root may');
        await using scene = await setScene(await createDatabaseOn(server.url, disk.directory));
        await using database = await scene.open();
        await using one = scene.start('one', { leaseMs: 15_000 });
        await enqueue(database, 200, (n) => ({ payload: { ms: n % 20 } }));
        const done = () => readEffects(scene.effects).filter(({ what }) => what === 'done').length;
        while (done() < 20) await sleep(20);
        await disk.fill();
        // What is free inside of the tables still takes some.
        let taken = 200;
        const refused = async () => {
          try {
            taken += (await enqueue(database, 100, { payload: { text: 'x'.repeat(2_000), ms: 1 } })).length;
            return undefined;
          } catch (error) {
            return error;
          }
        };
        let error: unknown;
        while (error === undefined) error = await refused();
        assert.ok(isDiskFull(error), 'refused because the disk is full');
        await disk.makeRoom();
        taken += (await enqueue(database, 20, { payload: { ms: 1 } })).length;
        await using two = scene.start('two', { leaseMs: 15_000, untilIdle: true });
        assert.equal(await two.exited, 0, two.output());
        one.send('SIGTERM');
        assert.equal(await one.exited, 0, one.output());
        const repeated = await assertAllOnce(database, readEffects(scene.effects), taken);
        context.diagnostic(`${taken} tasks, ${repeated} effects of lost attempts`);
      },
    );
  }
});

/** An empty database whose tables are in that directory. */
async function createDatabaseOn(serverUrl: string, directory: string): Promise<string> {
  const admin = new URL(serverUrl);
  const owner = admin.username;
  admin.username = 'postgres';
  const client = new pg.Client(admin.href);
  await client.connect();
  await client.query(`create tablespace small owner ${owner} location '${directory}'`);
  await client.query(`create database small owner ${owner} tablespace small`);
  await client.end();
  return serverUrl.replace(/[^/]*$/, 'small');
}

/** Two workers on many tasks, disturbed so many times while they work. Answers the number of effects that were repeated. */
async function workUnder(scene: Scene, tasks: number, times: number, disturb: () => Promise<void>): Promise<number> {
  await using database = await scene.open();
  // Longer than a restart takes on a slow machine: what was done meanwhile is written as long as the lease holds.
  await using one = scene.start('one', { leaseMs: 15_000 });
  await using two = scene.start('two', { leaseMs: 15_000 });
  const count = (what: QueueEffect['what']) =>
    readEffects(scene.effects).filter((effect) => effect.what === what).length;
  while (count('up') < 2) await sleep(20);
  await enqueue(database, tasks, (n) => ({ payload: { ms: n % 20 } }));
  await enqueueChains(database, 10);
  for (let disturbed = 0; disturbed < times; disturbed++) {
    while (count('begun') <= (disturbed * tasks) / times) await sleep(20);
    await disturb();
  }
  const pending = database.db.selectFrom('tasks').select('id').where('status', '=', 'pending').limit(1);
  const idle = () =>
    pending.executeTakeFirst().then(
      (found) => found === undefined,
      () => false,
    );
  while (!(await idle())) await sleep(50);
  for (const worker of [one, two]) {
    worker.send('SIGTERM');
    assert.equal(await worker.exited, 0, worker.output());
  }
  return await assertAllOnce(database, readEffects(scene.effects), tasks + 30);
}
