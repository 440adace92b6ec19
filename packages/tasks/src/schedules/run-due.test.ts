// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Database } from '@reeve/db';
import { ReeveError, silentLog } from '@reeve/kit';
import { openTestDatabase, passTime } from '@reeve/testing';
import { sql } from 'kysely';
import type { CheckTask } from '../queue/agent-names.ts';
import { dueSchedules, runDueSchedules } from './run-due.ts';
import { changeSchedule, createSchedule } from './schedule-change.ts';
import type { StoredSchedule } from './store.ts';

const requester = { tenantId: 'default', userId: 'ada', traceId: 'trace-1' };
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('what is due', () => {
  let database: Database;
  const gone = new Set<string>();
  const check: CheckTask = async (_, __, agentId) => {
    if (gone.has(agentId)) throw new ReeveError('unknown_agent', `there is no agent ${agentId}`);
    return agentId;
  };
  const run = (tenantId?: string) => runDueSchedules({ database, check, log: silentLog }, tenantId);

  /** A schedule whose next due time came `agoMs` ago. */
  async function due(agoMs: number, fields: object = {}, tenantId = 'default'): Promise<string> {
    const { id } = await createSchedule(
      database,
      check,
      [],
      { ...requester, tenantId },
      {
        agent_id: 'assistant',
        task_type: 'query',
        title: 'Ask',
        cron: '0 9 * * *',
        timezone: 'UTC',
        enabled: true,
        config: { question: 'what is new?' },
        catch_up: 'skip',
        next_run_at: new Date(Date.now() - agoMs).toISOString(),
        ...fields,
      },
    );
    return id;
  }
  const read = (id: string) =>
    database.db
      .selectFrom('schedules')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirstOrThrow() as Promise<StoredSchedule>;
  const tasks = () => database.db.selectFrom('tasks').selectAll().orderBy('id').execute();
  const journal = () =>
    database.db
      .selectFrom('journal')
      .select(['type', 'tenant_id', 'summary', 'details', 'task_id', 'schedule_id', 'trace_id'])
      .where('type', 'like', 'schedule_%')
      .orderBy('xid')
      .orderBy('position')
      .execute();

  before(async () => void (database = await openTestDatabase()));
  beforeEach(async () => {
    gone.clear();
    for (const table of ['schedules', 'ready_tasks', 'tasks', 'journal'] as const)
      await database.db.deleteFrom(table).execute();
  });
  after(() => database[Symbol.asyncDispose]());

  it('becomes one task, told of in the journal, and the schedule goes on', async () => {
    const id = await due(5_000);
    const dueAt = (await read(id)).next_run_at!;
    const [done, ...more] = await run();
    assert.deepEqual(more, []);
    const [task, ...others] = await tasks();
    assert.deepEqual(others, []);
    assert.deepEqual(done, {
      schedule_id: id,
      title: 'Ask',
      due_at: dueAt.toISOString(),
      action: 'fire',
      task_id: task!.id,
    });
    assert.deepEqual(
      [task!.agent_id, task!.task_type, task!.title, task!.payload, task!.created_by_user_id],
      ['assistant', 'query', 'Ask', { question: 'what is new?' }, 'ada'],
    );
    assert.match(task!.trace_id, /^[0-9a-f]{32}$/);
    const schedule = await read(id);
    assert.deepEqual([schedule.last_task_id, schedule.missed_count, schedule.last_error], [task!.id, 0, null]);
    assert.ok(schedule.next_run_at! > new Date() && schedule.last_run_at! > dueAt);
    const [entry, ...rest] = await journal();
    assert.deepEqual(rest, []);
    assert.deepEqual(
      [entry!.type, entry!.task_id, entry!.schedule_id, entry!.trace_id],
      ['schedule_fired', task!.id, id, task!.trace_id],
    );
    const details = entry!.details as Record<string, unknown>;
    assert.deepEqual([details['due_at'], details['task_id']], [dueAt.toISOString(), task!.id]);
    assert.ok(Number(details['late_ms']) >= 5_000 && Number(details['late_ms']) < MINUTE);
    assert.deepEqual(await run(), [], 'once');
  });

  it('is nothing while the time is to come or the schedule is paused', async () => {
    await due(-HOUR);
    await due(HOUR, { enabled: false });
    assert.deepEqual([await run(), await dueSchedules(database), await tasks()], [[], [], []]);
  });

  it('is passed over after a long downtime with catch_up skip, and the next one comes', async () => {
    // Half an hour from now, so that no due time is near.
    const id = await due(-HOUR, { cron: `${(new Date().getUTCMinutes() + 30) % 60} * * * *`, next_run_at: null });
    await passTime(database, 49 * HOUR);
    const from = (await read(id)).next_run_at!;
    const [told] = await dueSchedules(database);
    const [done] = await run();
    assert.deepEqual([done!.action, done!.task_id, told], ['skip', null, done]);
    const schedule = await read(id);
    assert.ok(schedule.missed_count >= 48 && schedule.missed_count <= 49, String(schedule.missed_count));
    assert.ok(schedule.next_run_at! > new Date(Date.now() - MINUTE));
    assert.deepEqual([schedule.last_task_id, schedule.last_run_at], [null, null]);
    const [entry] = await journal();
    assert.equal(entry!.type, 'schedule_skipped');
    const details = entry!.details as { missed: number; from: string; to: string };
    assert.deepEqual([details.missed, details.from], [schedule.missed_count, from.toISOString()]);
    assert.ok(Date.parse(details.to) > Date.parse(details.from) && Date.parse(details.to) < Date.now());
    assert.equal((await tasks()).length, 0);
  });

  it('is made up for by one task after a long downtime with catch_up one', async () => {
    const id = await due(-HOUR, { cron: '* * * * *', next_run_at: null, catch_up: 'one' });
    await passTime(database, 5 * HOUR);
    const done = await run();
    assert.deepEqual(
      done.map(({ action }) => action),
      ['fire'],
    );
    const schedule = await read(id);
    assert.ok(schedule.missed_count >= 298 && schedule.missed_count <= 301, String(schedule.missed_count));
    assert.ok(schedule.next_run_at! > new Date());
    assert.equal((await tasks()).length, 1);
    assert.match((await journal())[0]!.summary, /one for \d+ due times/);
  });

  it('is on time up to a minute late, also where earlier times were missed', async () => {
    const at = new Date(Date.now() - 30_000);
    const cron = `${at.getUTCMinutes()} ${at.getUTCHours()} * * *`;
    const dueAt = new Date(Math.floor(at.getTime() / MINUTE) * MINUTE);
    const lateMs = Date.now() - dueAt.getTime();
    await due(3 * 24 * HOUR, { cron, next_run_at: new Date(dueAt.getTime() - 3 * 24 * HOUR).toISOString() });
    const done = await run();
    if (lateMs < 58_000) {
      assert.deepEqual(
        done.map(({ action, due_at }) => [action, due_at]),
        [
          ['skip', new Date(dueAt.getTime() - 3 * 24 * HOUR).toISOString()],
          ['fire', dueAt.toISOString()],
        ],
      );
      assert.equal((await tasks()).length, 1);
    }
  });

  it('misses its time where the agent is gone, says so, and stops no other', async () => {
    const broken = await due(20_000, { agent_id: 'leaver' });
    const sound = await due(5_000);
    gone.add('leaver');
    await run();
    const failed = await read(broken);
    assert.deepEqual(
      [failed.last_error, failed.missed_count, failed.last_task_id],
      ['there is no agent leaver', 1, null],
    );
    assert.ok(failed.next_run_at! > new Date() && failed.enabled);
    assert.ok((await read(sound)).last_task_id !== null);
    const [entry] = await journal();
    assert.deepEqual([entry!.type, entry!.schedule_id], ['schedule_failed', broken]);
    assert.equal((entry!.details as { code: string }).code, 'unknown_agent');

    gone.clear();
    await database.db.updateTable('schedules').set({ next_run_at: new Date() }).where('id', '=', broken).execute();
    await run();
    assert.equal((await read(broken)).last_error, null, 'the next task that is made ends the trouble');
  });

  it('says nothing of what is wrong inside', async () => {
    const id = await due(5_000);
    const broken: CheckTask = async (tx) => void (await sql`select secret from nowhere`.execute(tx)) as never;
    await runDueSchedules({ database, check: broken, log: silentLog });
    const { last_error, next_run_at } = await read(id);
    assert.match(last_error!, /something went wrong inside/);
    assert.ok(next_run_at! > new Date());
  });

  it('ends for times that are not understood any more', async () => {
    const id = await due(5_000);
    await database.db.updateTable('schedules').set({ timezone: 'Europe/Atlantis' }).execute();
    assert.equal((await dueSchedules(database)).length, 1);
    await run();
    const { last_error, next_run_at } = await read(id);
    assert.match(last_error!, /not an IANA time zone/);
    assert.equal(next_run_at, null);
    const requested = await changeSchedule(database, check, requester, id, { timezone: 'UTC' });
    assert.ok(Date.parse(requested.next_run_at!) > Date.now());
  });

  it('has its effect once where the process dies at any statement', async () => {
    const id = await due(5_000);
    const before = await read(id);
    for (const table of ['tasks', 'schedules', 'journal', 'audit']) {
      // The connection dies with this very statement, as with a process that is killed.
      await sql`create function die() returns trigger language plpgsql as
        $$ begin raise exception 'terminated' using errcode = '57P01'; end $$`.execute(database.db);
      await sql`create trigger die after insert or update on ${sql.table(table)} for each row execute function die()`.execute(
        database.db,
      );
      assert.deepEqual(await run(), []);
      await sql`drop function die cascade`.execute(database.db);
      assert.deepEqual([await read(id), await tasks(), await journal()], [before, [], []], table);
    }
    assert.equal((await run()).length, 1);
    assert.equal((await tasks()).length, 1);
  });

  it('is one task where five look at once, for each of many schedules', async () => {
    for (let n = 0; n < 25; n += 1) await due(30_000 - n * 1_000, { title: `schedule ${n}` });
    const done = (await Promise.all([run(), run(), run(), run(), run()])).flat();
    assert.equal(done.length, 25);
    const titles = (await tasks()).map(({ title }) => title);
    assert.equal(titles.length, 25);
    assert.equal(new Set(titles).size, 25);
    assert.equal((await journal()).length, 25);
  });

  it('is one tenant’s only where one is asked for', async () => {
    await due(5_000);
    await due(5_000, {}, 'other');
    assert.equal((await dueSchedules(database, 'other')).length, 1);
    assert.equal((await run('other')).length, 1);
    assert.deepEqual(
      (await tasks()).map(({ tenant_id }) => tenant_id),
      ['other'],
    );
    assert.equal((await run()).length, 1);
    assert.deepEqual((await journal()).map(({ tenant_id }) => tenant_id).toSorted(), ['default', 'other']);
  });

  it('waits for a decision where the policy of its type asks for one', async () => {
    await sql`insert into task_policies (tenant_id, task_type, auto_execute, updated_by) values ('default', 'risky', false, 'ada')`.execute(
      database.db,
    );
    await due(5_000, { task_type: 'risky' });
    await run();
    const [task] = await tasks();
    assert.equal(task!.requires_approval, true);
    assert.equal((await database.db.selectFrom('ready_tasks').selectAll().execute()).length, 0);
  });

  it('takes no long time however many times were missed', async () => {
    const id = await due(0, { cron: '* * * * *', next_run_at: '0001-01-01T00:00:00Z' });
    assert.equal((await run()).filter(({ action }) => action === 'skip').length, 1);
    const { missed_count, next_run_at } = await read(id);
    assert.equal(missed_count, 500);
    assert.ok(next_run_at! > new Date(Date.now() - MINUTE));
    assert.equal(((await journal())[0]!.details as { more: boolean }).more, true);
  });
});
