// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Database } from '@reeve/db';
import { createApp, type App } from '@reeve/http';
import { ReeveError, silentLog } from '@reeve/kit';
import { openTestDatabase } from '@reeve/testing';
import type { CheckTask } from '../queue/agent-names.ts';
import { mountSchedules } from './schedule-routes.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- whatever JSON an answer has
type Answer = { status: number; body: any };

const check: CheckTask = async (_, __, agentId) => {
  if (agentId.toLowerCase() !== 'assistant')
    throw new ReeveError('unknown_agent', `there is no agent ${agentId}`, {
      details: [{ path: 'agent_id', message: 'is not an agent' }],
    });
  return 'assistant';
};
const KINDS = [
  {
    schedule_type: 'daily_digest',
    agent_id: 'assistant',
    task_type: 'digest',
    title: 'Daily digest',
    description: 'Sums up the day.',
    frequency: 'daily' as const,
    config: { depth: 'short', topics: ['all'] },
  },
  {
    schedule_type: 'patrol',
    agent_id: 'watchman',
    task_type: 'patrol',
    title: 'Patrol',
    description: 'Looks around.',
    frequency: 'weekly' as const,
    config: {},
  },
];
const MINUTE = 60_000;

describe('the routes of schedules', () => {
  let database: Database;
  let app: App;

  async function send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await app.fetch(
      new Request(`http://x/api/autonomy/schedules${path}`, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    );
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : JSON.parse(text) };
  }
  const create = (fields: object = {}) =>
    send('POST', '', { agent_id: 'Assistant', task_type: 'query', title: 'Ask', cron: '0 9 * * *', ...fields });
  const made = async (fields: object = {}): Promise<Answer['body']> => {
    const { status, body } = await create(fields);
    assert.equal(status, 201, JSON.stringify(body));
    return body;
  };
  const paths = ({ body }: Answer): string[] => body.details.map(({ path }: { path: string }) => path);
  const isSoon = (time: string) => {
    const inMs = Date.parse(time) - Date.now();
    return inMs > 0 && inMs <= 24 * 60 * MINUTE;
  };

  before(async () => {
    database = await openTestDatabase();
    app = createApp({
      service: 'test',
      authenticate: async (header) => ({
        tenantId: header('x-tenant-id') ?? 'default',
        userId: 'ada',
        role: header('x-role') === 'viewer' ? 'viewer' : 'operator',
        via: 'development',
      }),
      db: database.db,
      log: silentLog,
      stopping: new AbortController().signal,
    });
    mountSchedules(app, database, check, KINDS, silentLog, async (_, __, ref) => ref);
  });
  beforeEach(() => database.db.deleteFrom('schedules').execute());
  after(() => database[Symbol.asyncDispose]());

  it('make, show, list, change and delete a schedule, each with its audit row', async () => {
    const schedule = await made({ timezone: 'Europe/Berlin', config: { question: 'what is new?' } });
    assert.deepEqual(
      [schedule.agent_id, schedule.cron, schedule.frequency, schedule.timezone, schedule.enabled, schedule.catch_up],
      ['assistant', '0 9 * * *', null, 'Europe/Berlin', true, 'skip'],
    );
    assert.deepEqual([schedule.created_by_user_id, schedule.missed_count, schedule.last_task_id], ['ada', 0, null]);
    assert.ok(isSoon(schedule.next_run_at));
    assert.deepEqual((await send('GET', `/${schedule.id}`)).body, schedule);

    const changed = await send('PATCH', `/${schedule.id}`, { title: 'Ask again', config: {} });
    assert.deepEqual([changed.status, changed.body.title, changed.body.config], [200, 'Ask again', {}]);
    assert.equal(changed.body.next_run_at, schedule.next_run_at, 'its times are as they were');

    const list = await send('GET', '?limit=1&enabled=true&agent_id=assistant');
    assert.deepEqual([list.body.total, list.body.limit, list.body.schedules[0].id], [1, 1, schedule.id]);
    assert.equal((await send('GET', '?enabled=false')).body.total, 0);
    assert.equal((await send('GET', '?agent_id=other')).body.total, 0);

    assert.deepEqual(await send('DELETE', `/${schedule.id}`), { status: 204, body: null });
    for (const method of ['GET', 'DELETE']) assert.equal((await send(method, `/${schedule.id}`)).status, 404);
    assert.equal((await send('PATCH', `/${schedule.id}`, { title: 'x' })).status, 404);
    const audit = await database.db
      .selectFrom('audit')
      .select(['action', 'actor'])
      .where('action', 'like', 'SCHEDULE_%')
      .orderBy('id')
      .execute();
    assert.deepEqual(
      audit.map(({ action, actor }) => `${actor} ${action}`),
      ['ada SCHEDULE_CREATED', 'ada SCHEDULE_CHANGED', 'ada SCHEDULE_DELETED'],
    );
  });

  it('list newest first', async () => {
    for (const title of ['one', 'two', 'three']) await made({ title });
    const { body } = await send('GET', '?limit=2');
    assert.deepEqual(
      body.schedules.map(({ title }: { title: string }) => title),
      ['three', 'two'],
    );
    assert.equal(body.total, 3);
  });

  it('refuse what is not a schedule and name the field', async () => {
    for (const [fields, path] of [
      [{ cron: undefined }, 'frequency'],
      [{ frequency: 'daily' }, 'cron'],
      [{ cron: '0 0 30 2 *' }, 'cron'],
      [{ cron: '*/0 9 * * *' }, 'cron'],
      [{ cron: '0 0 9 * * *' }, 'cron'],
      [{ cron: '1,'.repeat(5_000) }, 'cron'],
      [{ cron: '0 9 * * \u{1F600}' }, 'cron'],
      [{ timezone: 'Mars/Olympus' }, 'timezone'],
      [{ timezone: 'CEST' }, 'timezone'],
      [{ agent_id: 'nobody' }, 'agent_id'],
      [{ agent_id: undefined }, 'agent_id'],
      [{ task_type: undefined }, 'task_type'],
      [{ title: undefined }, 'title'],
      [{ schedule_type: 'weekly_party' }, 'schedule_type'],
      [{ next_run_at: '9999-12-31T23:59:59Z', cron: undefined, frequency: 'daily' }, 'next_run_at'],
      [{ next_run_at: 'tomorrow' }, 'next_run_at'],
      [{ frequency: 'hourly' }, 'frequency'],
      [{ surprise: true }, 'surprise'],
    ] as const) {
      const answer = await create(fields);
      assert.deepEqual([answer.status, [...new Set(paths(answer))]], [400, [path]], JSON.stringify(fields));
    }
    assert.equal((await send('GET', '')).body.total, 0);
    assert.equal((await send('POST', '', {}, { 'x-role': 'viewer' })).status, 403);
  });

  it('fill in what a schedule type says, and let the caller say otherwise', async () => {
    const { body: plain } = await send('POST', '', { schedule_type: 'daily_digest' });
    assert.deepEqual(
      [plain.schedule_type, plain.agent_id, plain.task_type, plain.title, plain.frequency, plain.config],
      ['daily_digest', 'assistant', 'digest', 'Daily digest', 'daily', { depth: 'short', topics: ['all'] }],
    );
    const { body: own } = await send('POST', '', {
      schedule_type: 'daily_digest',
      title: 'Mine',
      cron: '0 7 * * MON',
      config: { depth: 'long' },
    });
    assert.deepEqual(
      [own.title, own.frequency, own.cron, own.config],
      ['Mine', null, '0 7 * * MON', { depth: 'long', topics: ['all'] }],
    );
    assert.equal((await send('POST', '', { schedule_type: 'patrol' })).status, 400, 'its agent is not there');
  });

  it('list the types, with whether their agents are there', async () => {
    const { body } = await send('GET', '/types');
    assert.deepEqual(
      body.types.map((type: { schedule_type: string; available: boolean }) => [type.schedule_type, type.available]),
      [
        ['daily_digest', true],
        ['patrol', false],
      ],
    );
    assert.equal((await send('GET', '/types?offset=1')).body.types.length, 1);
  });

  it('take the first due time from the caller, and a frequency’s time of day with it', async () => {
    const schedule = await made({ cron: undefined, frequency: 'weekly', next_run_at: '2031-01-03T08:30:00+01:00' });
    assert.equal(schedule.next_run_at, '2031-01-03T07:30:00.000Z');
    const off = await made({ next_run_at: '2031-01-03T07:07:00Z' });
    assert.equal(off.next_run_at, '2031-01-03T07:07:00.000Z', 'a cron too can begin at another time');
  });

  it('reckon the next due time anew where the times change, and clear the one that is replaced', async () => {
    const { id } = await made({ next_run_at: '2031-01-03T07:07:00Z' });
    const cron = (await send('PATCH', `/${id}`, { cron: '30 4 * * *' })).body;
    assert.equal(cron.next_run_at.slice(11), '04:30:00.000Z');
    assert.ok(isSoon(cron.next_run_at));
    const berlin = (await send('PATCH', `/${id}`, { timezone: 'Asia/Kolkata' })).body;
    assert.equal(berlin.next_run_at.slice(11), '23:00:00.000Z');
    const daily = (await send('PATCH', `/${id}`, { frequency: 'daily' })).body;
    assert.deepEqual([daily.frequency, daily.cron], ['daily', null]);
    assert.equal(daily.next_run_at, berlin.next_run_at, 'it keeps its time of day');
    const again = (await send('PATCH', `/${id}`, { cron: '0 12 * * *', frequency: null })).body;
    assert.deepEqual([again.frequency, again.cron], [null, '0 12 * * *']);
    const sent = (await send('PATCH', `/${id}`, { cron: '0 13 * * *', next_run_at: '2030-05-05T05:05:00Z' })).body;
    assert.equal(sent.next_run_at, '2030-05-05T05:05:00.000Z');
    const anew = (await send('PATCH', `/${id}`, { next_run_at: null })).body;
    assert.ok(isSoon(anew.next_run_at));
  });

  it('refuse changes that leave no times, and change nothing then', async () => {
    const schedule = await made();
    for (const patch of [
      { cron: null },
      { cron: '0 1 * * *', frequency: 'daily' },
      { cron: '0 0 31 4 *' },
      { timezone: 'Nowhere' },
      { agent_id: 'nobody' },
      { title: null },
    ])
      assert.equal((await send('PATCH', `/${schedule.id}`, patch)).status, 400, JSON.stringify(patch));
    assert.deepEqual((await send('GET', `/${schedule.id}`)).body, schedule);
  });

  it('keep the last day of each month for a form that sends back what it was shown', async () => {
    const schedule = await made({ cron: undefined, frequency: 'monthly', next_run_at: '2030-01-31T09:00:00Z' });
    await database.db
      .updateTable('schedules')
      .set({ next_run_at: new Date('2030-02-28T09:00:00Z') })
      .execute();
    const { title, timezone, config } = schedule;
    await send('PATCH', `/${schedule.id}`, {
      title,
      timezone,
      config,
      frequency: 'monthly',
      next_run_at: '2030-02-28T09:00:00Z',
    });
    const { body } = await send('PATCH', `/${schedule.id}`, { next_run_at: null });
    assert.equal(body.next_run_at, '2030-01-31T09:00:00.000Z');
  });

  it('pause a schedule, and let it go on with its next time', async () => {
    const { id, next_run_at } = await made();
    const paused = await send('PATCH', `/${id}`, { enabled: false });
    assert.deepEqual([paused.body.enabled, paused.body.next_run_at], [false, next_run_at]);
    await database.db
      .updateTable('schedules')
      .set({ next_run_at: new Date('2020-01-01T09:00:00Z') })
      .execute();
    assert.deepEqual((await send('POST', '/run-due', {})).body, { due: [] }, 'nothing is due while it is paused');
    const resumed = await send('PATCH', `/${id}`, { enabled: true });
    assert.equal(resumed.body.next_run_at, next_run_at);
    assert.deepEqual(
      (await send('POST', '/run-due', {})).body,
      { due: [] },
      'what passed in the pause is not made up for',
    );
  });

  it('tell what is due, and make it', async () => {
    const { id } = await made({ next_run_at: new Date(Date.now() - 5_000).toISOString() });
    const told = await send('POST', '/run-due', { dry_run: true });
    assert.equal(told.status, 200);
    assert.deepEqual(
      told.body.due.map((due: Answer['body']) => [due.schedule_id, due.title, due.action, due.task_id]),
      [[id, 'Ask', 'fire', null]],
    );
    assert.equal((await send('GET', `/${id}`)).body.last_task_id, null, 'a dry run changes nothing');
    const done = await send('POST', '/run-due', {});
    assert.deepEqual([done.body.due.length, done.body.due[0].due_at], [1, told.body.due[0].due_at]);
    const schedule = (await send('GET', `/${id}`)).body;
    assert.equal(schedule.last_task_id, done.body.due[0].task_id);
    assert.ok(isSoon(schedule.next_run_at));
    assert.deepEqual((await send('POST', '/run-due', {})).body, { due: [] });
  });

  it('show another tenant nothing', async () => {
    const { id } = await made({ next_run_at: new Date(Date.now() - 5_000).toISOString() });
    const other = { 'x-tenant-id': 'other' };
    assert.equal((await send('GET', '', undefined, other)).body.total, 0);
    assert.equal((await send('GET', `/${id}`, undefined, other)).status, 404);
    assert.equal((await send('PATCH', `/${id}`, { enabled: false }, other)).status, 404);
    assert.equal((await send('DELETE', `/${id}`, undefined, other)).status, 404);
    assert.deepEqual((await send('POST', '/run-due', { dry_run: true }, other)).body, { due: [] });
    assert.deepEqual((await send('POST', '/run-due', {}, other)).body, { due: [] });
    assert.equal((await send('GET', `/${id}`)).body.enabled, true);
  });
});
