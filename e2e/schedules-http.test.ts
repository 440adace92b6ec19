import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { routes, type BodyInputOf } from '@reeve/contract';
import { openHttpPlace, refused, type Caller, type HttpPlace } from '@reeve/testing/http-place';

type Draft = BodyInputOf<typeof routes.createSchedule>;

const HOUR_MS = 3_600_000;

describe('schedules over HTTP', { timeout: 60_000 }, () => {
  let place: HttpPlace;
  before(async () => void (place = await openHttpPlace()));
  after(() => place[Symbol.asyncDispose]());

  const hourly: Draft = {
    agent_id: 'assistant',
    task_type: 'sum',
    title: 'What is 6 * 7?',
    cron: '0 * * * *',
    config: { unit: 'kg' },
    catch_up: 'one',
  };
  const create = (fields: Draft = {}, by: Caller = place.admin) =>
    by.call(routes.createSchedule, { body: { ...hourly, ...fields } });
  const runDue = async (dry_run = false, by: Caller = place.admin) =>
    (await by.call(routes.runDueSchedules, { body: { dry_run } })).due;

  it('a due time makes one task, which the journal and the memory events tell of', async () => {
    const { admin } = place;
    const schedule = await create();
    assert.deepEqual([schedule.enabled, schedule.timezone, schedule.catch_up], [true, 'UTC', 'one']);
    assert.match(schedule.next_run_at ?? '', /:00:00\.000Z$/);
    assert.deepEqual(await runDue(), []);
    await place.passTime(HOUR_MS);
    const told = await runDue(true);
    assert.deepEqual(
      told.map(({ schedule_id, action, task_id }) => [schedule_id, action, task_id]),
      [[schedule.id, 'fire', null]],
    );
    const [first, second] = await Promise.all([runDue(), runDue()]);
    const [fired, ...others] = [...first, ...second];
    assert.deepEqual([fired?.schedule_id, fired?.due_at, others], [schedule.id, told[0]!.due_at, []]);
    assert.deepEqual(await runDue(), []);
    const task = await admin.task(fired!.task_id!);
    assert.deepEqual([task.title, task.agent_id, task.payload], [hourly.title, 'assistant', hourly.config]);
    const shown = await admin.call(routes.getSchedule, { params: { id: schedule.id } });
    assert.deepEqual([shown.last_task_id, shown.missed_count, shown.last_error], [task.id, 0, null]);
    assert.ok(shown.next_run_at! > told[0]!.due_at);
    const { entries } = await admin.call(routes.listJournal, { query: { type: 'schedule_fired' } });
    assert.deepEqual(
      entries.map(({ schedule_id, task_id }) => [schedule_id, task_id]),
      [[schedule.id, task.id]],
    );
    const { events } = await admin.call(routes.listMemoryEvents, { query: { type: 'schedule_fired' } });
    assert.deepEqual(
      events.map(({ id, task_id }) => [id, task_id]),
      [[entries[0]!.id, task.id]],
    );
    await place.work();
    assert.equal((await admin.task(task.id)).status, 'completed');
    await admin.call(routes.deleteSchedule, { params: { id: schedule.id } });
    await refused(admin.call(routes.getSchedule, { params: { id: schedule.id } }), 404, 'not_found');
    assert.equal((await admin.task(task.id)).status, 'completed', 'its tasks stay');
  });

  it('a task of a schedule waits for a decision where its type’s policy asks for one', async () => {
    const { admin } = place;
    await admin.call(routes.putPolicy, { body: { task_type: 'careful', auto_execute: false } });
    const { id } = await create({ task_type: 'careful' });
    await place.passTime(HOUR_MS);
    const [fired] = await runDue();
    assert.equal((await admin.task(fired!.task_id!)).waiting_for, 'approval');
    await admin.call(routes.deleteSchedule, { params: { id } });
  });

  it('a time that passed while nothing ran is passed over where that is wanted', async () => {
    const { admin } = place;
    const { id } = await create({
      frequency: 'daily',
      cron: null,
      next_run_at: '2026-01-01T08:00:00Z',
      catch_up: 'skip',
    });
    const [skipped] = await runDue();
    assert.deepEqual([skipped?.schedule_id, skipped?.action, skipped?.task_id], [id, 'skip', null]);
    const { missed_count, next_run_at } = await admin.call(routes.getSchedule, { params: { id } });
    assert.ok(missed_count > 0);
    assert.match(next_run_at!, /T08:00:00/);
    const { entries } = await admin.call(routes.listJournal, { query: { type: 'schedule_skipped' } });
    assert.deepEqual(
      entries.map(({ schedule_id }) => schedule_id),
      [id],
    );
    await admin.call(routes.deleteSchedule, { params: { id } });
  });

  it('a ready-made kind brings what its maker leaves out, where its agent is there', async () => {
    const { admin } = place;
    const { types } = await admin.call(routes.listScheduleTypes, { query: {} });
    const kind = types.find(({ available }) => available)!;
    assert.ok(types.some(({ available }) => !available));
    const made = await admin.call(routes.createSchedule, { body: { schedule_type: kind.schedule_type } });
    const { agent_id, task_type, title, frequency } = made;
    assert.deepEqual(
      [agent_id, task_type, title, frequency],
      [kind.agent_id, kind.task_type, kind.title, kind.frequency],
    );
    await admin.call(routes.deleteSchedule, { params: { id: made.id } });
  });

  it('a paused one makes nothing, and goes on with its next time', async () => {
    const { admin } = place;
    const { id } = await create({ enabled: false });
    await place.passTime(HOUR_MS);
    assert.deepEqual(await runDue(), []);
    const resumed = await admin.call(routes.updateSchedule, { params: { id }, body: { enabled: true } });
    assert.ok(Date.parse(resumed.next_run_at!) > Date.now() - 60_000);
    const { schedules } = await admin.call(routes.listSchedules, { query: { enabled: 'true' } });
    assert.deepEqual(
      schedules.map((schedule) => schedule.id),
      [id],
    );
    await admin.call(routes.deleteSchedule, { params: { id } });
  });

  it('what is wrong is named', async () => {
    const { admin } = place;
    const cases: [Draft, string, string][] = [
      [{ cron: '61 * * * *' }, 'invalid_request', 'cron'],
      [{ cron: '* * * * * *' }, 'invalid_request', 'cron'],
      [{ cron: '0 0 31 2 *' }, 'invalid_request', 'cron'],
      [{ cron: null }, 'invalid_request', 'frequency'],
      [{ frequency: 'daily' }, 'invalid_request', 'cron'],
      [{ timezone: 'Mars/Olympus' }, 'invalid_request', 'timezone'],
      [{ schedule_type: 'nothing' }, 'invalid_request', 'schedule_type'],
      [{ agent_id: 'nobody' }, 'unknown_agent', 'agent_id'],
      [{ agent_id: null }, 'invalid_request', 'agent_id'],
    ];
    for (const [fields, code, path] of cases) {
      const answer = await create(fields).then(
        JSON.stringify,
        (error: { details: { path: string }[] }) => error.details,
      );
      assert.ok(
        Array.isArray(answer) && answer.some((detail) => detail.path === path),
        `${JSON.stringify(fields)}: ${JSON.stringify(answer)}`,
      );
      await refused(create(fields), 400, code);
    }
    assert.equal((await admin.call(routes.listSchedules, { query: {} })).total, 0);
  });

  it('changes need an operator, stay in their tenant, and repeat by their Idempotency-Key', async () => {
    const { admin, member, stranger } = place;
    await refused(create({}, member), 403, 'forbidden');
    await refused(runDue(false, member), 403, 'forbidden');
    const headers = { 'idempotency-key': 'a schedule' };
    const made = await admin.client.call(routes.createSchedule, { body: hourly, headers });
    assert.deepEqual(await admin.client.call(routes.createSchedule, { body: hourly, headers }), made);
    const another = { ...hourly, title: 'another' };
    await refused(admin.client.call(routes.createSchedule, { body: another, headers }), 409, 'conflict');
    const params = { id: made.id };
    await refused(member.call(routes.updateSchedule, { params, body: { enabled: false } }), 403, 'forbidden');
    await refused(member.call(routes.deleteSchedule, { params }), 403, 'forbidden');
    assert.equal((await member.call(routes.getSchedule, { params })).id, made.id);
    await refused(stranger.call(routes.getSchedule, { params }), 404, 'not_found');
    await refused(stranger.call(routes.updateSchedule, { params, body: { enabled: false } }), 404, 'not_found');
    await refused(stranger.call(routes.deleteSchedule, { params }), 404, 'not_found');
    await place.passTime(HOUR_MS);
    assert.deepEqual(await runDue(true, stranger), []);
    assert.equal((await stranger.call(routes.listSchedules, { query: {} })).total, 0);
    assert.equal((await admin.call(routes.listSchedules, { query: {} })).total, 1);
  });
});
