// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ErrorBody, JournalEntry, MEMORY_EVENT_TYPES, MemoryEvent, type JournalType } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { createApp, type App } from '@reeve/http';
import { newId, silentLog } from '@reeve/kit';
import { openTestDatabase } from '@reeve/testing';
import { sql } from 'kysely';
import { recordJournal, type NewJournalEntry } from './journal.ts';
import { mountJournal } from './journal-routes.ts';
import { selectJournalOfTask } from './journal-store.ts';

const entry: NewJournalEntry = { tenantId: 'default', type: 'task_created', summary: `it's "made"` };

describe('the journal', () => {
  let database: Database;
  let app: App;
  const taskId = newId();

  before(async () => {
    database = await openTestDatabase();
    app = createApp({
      service: 'test',
      log: silentLog,
      stopping: new AbortController().signal,
      db: database.db,
      authenticate: async (header) => ({
        tenantId: header('x-tenant-id') ?? 'default',
        userId: 'ada',
        role: 'viewer',
        via: 'internal',
      }),
    });
    mountJournal(app, database, async (_, __, ref) => ref);
  });
  after(() => database[Symbol.asyncDispose]());

  const record = (entries: NewJournalEntry[], tenantId = 'default') =>
    inTenant(database.db, tenantId, (tx) => recordJournal(tx, entries));
  async function get(path: string, tenantId = 'default'): Promise<{ status: number; body: Record<string, unknown> }> {
    const response = await app.fetch(new Request(`http://localhost${path}`, { headers: { 'x-tenant-id': tenantId } }));
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }
  const listed = async (path: string, tenantId?: string) => {
    const { body } = await get(path, tenantId);
    return (body['entries'] as unknown[]).map((one) => JournalEntry.parse(one));
  };

  it('has what was recorded, newest first, whole', async () => {
    const scheduleId = newId();
    const full: NewJournalEntry = {
      ...entry,
      type: 'task_completed',
      agentId: 'ada',
      taskId,
      scheduleId,
      sessionId: newId(),
      traceId: 'trace-1',
      actor: 'bob',
      details: { list: [1, { deep: null }] },
    };
    const ids = await record([entry, full]);
    const [last, first] = await listed('/api/journal');
    assert.deepEqual([last?.id, first?.id], [ids[1], ids[0]]);
    assert.deepEqual(
      [first?.actor, first?.details, first?.agent_id, first?.task_id, first?.trace_id, first?.summary],
      ['system', {}, null, null, null, entry.summary],
    );
    assert.deepEqual(
      [last?.actor, last?.details, last?.agent_id, last?.task_id, last?.schedule_id, last?.trace_id, last?.type],
      ['bob', full.details, 'ada', taskId, scheduleId, 'trace-1', 'task_completed'],
    );
    const { body } = await get('/api/memory/events?task_id=' + taskId);
    const events = (body['events'] as unknown[]).map((one) => MemoryEvent.parse(one));
    assert.deepEqual(
      events.map(({ id, content, session_id }) => [id, content, session_id]),
      [[ids[1], entry.summary, full.sessionId]],
    );
  });

  it('loses an entry with the change that it told of, and takes none for another tenant', async () => {
    const before = await listed('/api/journal');
    const failed = inTenant(database.db, 'default', async (tx) => {
      await recordJournal(tx, [entry]);
      throw new Error('the change failed');
    });
    await assert.rejects(failed, /the change failed/);
    await assert.rejects(record([entry], 'other'), { code: '42501' });
    assert.deepEqual(await record([]), []);
    assert.deepEqual(await listed('/api/journal'), before);
    assert.deepEqual(await listed('/api/journal', 'other'), []);
  });

  it('is found by agent, task, trace and type, a page at a time', async () => {
    const other = newId();
    const types: JournalType[] = [
      'task_created',
      'task_started',
      'task_failed',
      'schedule_fired',
      'approval_requested',
    ];
    await database.db
      .insertInto('tasks')
      .values({
        id: other,
        tenant_id: 'default',
        agent_id: 'finder',
        task_type: 'query',
        status: 'pending',
        priority: 0,
        title: 'to be found',
        payload: '{}',
        max_attempts: 1,
        trace_id: 'trace-2',
        created_at: new Date(),
        updated_at: new Date(),
      })
      .execute();
    const ids = await record(
      types.map((type) => ({ ...entry, type, agentId: 'finder', taskId: other, traceId: 'trace-2' })),
    );
    const newest = ids.toReversed();
    const found = async (query: string) => (await listed(`/api/journal?${query}`)).map(({ id }) => id);
    for (const query of ['agent_id=finder', `task_id=${other}`, 'trace_id=trace-2'])
      assert.deepEqual(await found(query), newest, query);
    assert.deepEqual(await found('agent_id=finder&type=task_started'), [ids[1]]);
    assert.deepEqual(await found('agent_id=finder&limit=2&offset=1'), newest.slice(1, 3));
    assert.deepEqual(await found('agent_id=nobody'), []);
    const { body } = await get('/api/memory/events?agent_id=finder&limit=1');
    assert.deepEqual([body['total'], body['limit'], body['offset']], [2, 1, 0]);
    assert.deepEqual(
      (body['events'] as MemoryEvent[]).map(({ type }) => type),
      ['schedule_fired'],
    );
    for (const query of ['type=nonsense', 'limit=0', 'task_id=x', 'unknown=1'])
      assert.equal(ErrorBody.parse((await get(`/api/journal?${query}`)).body).code, 'invalid_request', query);
    assert.equal((await get('/api/memory/events?type=task_created')).status, 400);
  });

  it('tells as memory events what the contract calls so, and nothing else', async () => {
    const { rows } = await sql<{ definition: string }>`
      select pg_get_viewdef('memory_events'::regclass) as definition`.execute(database.db);
    const named = [...rows[0]!.definition.matchAll(/'(\w+)'::text/g)].map((match) => match[1]!);
    assert.deepEqual(named.sort(), [...MEMORY_EVENT_TYPES].sort());
  });

  it('gives the latest of a task, oldest first', async () => {
    const id = newId();
    const ids = await record(Array.from({ length: 5 }, () => ({ ...entry, taskId: id })));
    const of = (tenantId: string, limit: number) =>
      inTenant(database.db, tenantId, (tx) => selectJournalOfTask(tx, tenantId, id, limit));
    assert.deepEqual(
      (await of('default', 200)).map((one) => one.id),
      ids,
    );
    assert.deepEqual(
      (await of('default', 2)).map((one) => one.id),
      ids.slice(3),
    );
    assert.deepEqual(await of('other', 200), []);
  });

  it('counts up to 10,000', async () => {
    await sql`insert into journal (tenant_id, type, summary) select 'other', 'task_failed', 'x' from generate_series(1, 10050)`.execute(
      database.db,
    );
    for (const path of ['/api/journal', '/api/memory/events'])
      assert.equal((await get(`${path}?limit=1&offset=10040`, 'other')).body['total'], 10_000);
  });
});
