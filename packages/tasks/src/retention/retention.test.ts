// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { TaskInput } from '@reeve/contract';
import type { Database } from '@reeve/db';
import { newId, silentLog } from '@reeve/kit';
import { openTestDatabase } from '@reeve/testing';
import { sql } from 'kysely';
import { createEnqueuer } from '../queue/enqueue.ts';
import { removeOld } from './retention.ts';
import { adoptTask } from '../queue/store/task-relations.ts';
import { countTasks } from '../queue/store/read.ts';
import type { Outcome, TaskHandler } from '../queue/task.ts';
import { startWorker } from '../worker/worker.ts';

const requester = { tenantId: 'default', userId: 'ada', traceId: 'trace-1' };
const done: Outcome = { status: 'completed', result: null, summary: 'done' };
const handler: TaskHandler = { run: async () => done, ended: async () => undefined };

describe('retention', () => {
  let database: Database;
  before(async () => void (database = await openTestDatabase()));
  after(() => database[Symbol.asyncDispose]());

  const enqueue = (title: string, fields: object = {}) =>
    createEnqueuer(database, handler, async (_, __, agentId) => agentId).task(
      requester,
      TaskInput.parse({ agent_id: 'assistant', task_type: 'query', title, ...fields }),
    );
  const titles = async () => {
    const rows = await database.db.selectFrom('tasks').select('title').orderBy('title').execute();
    return rows.map(({ title }) => title);
  };

  it('removes tasks that ended long ago with all that belongs to them, and nothing else', async () => {
    await enqueue('ended long ago');
    await enqueue('ended now');
    await using worker = startWorker({
      database,
      handler,
      owner: 'w',
      concurrency: 0,
      leaseMs: 30_000,
      log: silentLog,
    });
    await worker.runOnce(2);
    await enqueue('waits for long', { run_at: '2999-01-01T00:00:00Z' });
    // As if these two had been made forty days ago: the time of an id's making is its first part.
    const long = (Date.now() - 40 * 86_400_000).toString(16).padStart(12, '0');
    const old = (n: number) => `${long.slice(0, 8)}-${long.slice(8)}-7000-8000-00000000000${n}`;
    await sql`update tasks set id = ${old(1)}, created_at = created_at - interval '40 days', completed_at = completed_at - interval '40 days'
      where title = 'ended long ago'`.execute(database.db);
    await sql`update tasks set id = ${old(2)}, created_at = created_at - interval '40 days' where title = 'waits for long'`.execute(
      database.db,
    );
    await sql`update journal set created_at = created_at - interval '40 days' where position in (select min(position) from journal)`.execute(
      database.db,
    );
    await database.db
      .insertInto('workflows')
      .values({
        id: newId(),
        tenant_id: 'default',
        title: 'empty',
        on_failure: 'run_anyway',
        trace_id: 't',
        created_at: new Date(Date.now() - 40 * 86_400_000),
      })
      .execute();
    const entries = async () => (await database.db.selectFrom('journal').select('position').execute()).length;
    const before = await entries();

    const forgotten: string[] = [];
    const parts = {
      database,
      days: 30,
      log: silentLog,
      forget: async (_: unknown, ids: readonly string[]) => void forgotten.push(...ids),
    };
    assert.equal(await removeOld(parts, AbortSignal.timeout(20_000)), 1);
    assert.deepEqual(forgotten, [old(1)]);
    assert.deepEqual(await titles(), ['ended now', 'waits for long']);
    assert.equal(await entries(), before - 1);
    assert.equal((await database.db.selectFrom('workflows').select('id').execute()).length, 0);
    assert.deepEqual(
      Object.fromEntries((await countTasks(database.db, 'default')).map(({ status, count }) => [status, count])),
      { completed: 1, pending: 1 },
    );
    assert.equal(await removeOld(parts, AbortSignal.timeout(20_000)), 0);
  });

  it('keeps a child until its parent has seen its end', async () => {
    const parent = await enqueue('parent', { run_at: '2999-01-01T00:00:00Z' });
    const child = await enqueue('child');
    await adoptTask(database.db, child.id, parent.id);
    const longAgo = '01000000-0000-7000-8000-000000000001';
    await sql`update tasks set id = ${longAgo}, status = 'completed', completed_at = '2020-01-01' where id = ${child.id}`.execute(
      database.db,
    );
    const parts = { database, days: 30, log: silentLog, forget: async () => undefined };
    assert.equal(await removeOld(parts, AbortSignal.timeout(20_000)), 0);
    await sql`update tasks set status = 'completed', completed_at = reeve_now() where id = ${parent.id}`.execute(
      database.db,
    );
    assert.equal(await removeOld(parts, AbortSignal.timeout(20_000)), 1);
    await database.db.deleteFrom('tasks').where('id', '=', parent.id).execute();
  });

  it('removes many tasks in small batches', async () => {
    const long = (Date.now() - 40 * 86_400_000).toString(16).padStart(12, '0');
    await sql`insert into tasks (id, tenant_id, agent_id, task_type, status, priority, title, payload, max_attempts, trace_id, created_at, completed_at, updated_at)
      select (${`${long.slice(0, 8)}-${long.slice(8)}-7000-9000-`} || lpad(n::text, 12, '0'))::uuid, 'other', 'assistant', 'query', 'completed', 0, 'old', '{}', 3, 't',
        reeve_now() - interval '40 days', reeve_now() - interval '40 days', reeve_now()
      from generate_series(1, 1700) n`.execute(database.db);
    const sizes: number[] = [];
    const forget = async (_: unknown, ids: readonly string[]) => void sizes.push(ids.length);
    assert.equal(await removeOld({ database, days: 30, log: silentLog, forget }, AbortSignal.timeout(20_000)), 1_700);
    assert.ok(sizes.every((size) => size <= 500));
    assert.deepEqual(await countTasks(database.db, 'other'), []);
  });
});
