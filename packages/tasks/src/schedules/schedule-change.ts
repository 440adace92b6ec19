import { recordAudit, type AuditAction } from '@reeve/audit';
import type { Schedule, ScheduleInput, SchedulePatch, ScheduleType } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import { invalidField, newId, ReeveError } from '@reeve/kit';
import { nextDue, type Times } from './due-time.ts';
import type { CheckTask } from '../queue/agent-names.ts';
import type { Requester } from '../queue/requester.ts';
import {
  deleteSchedule,
  insertSchedule,
  lockSchedule,
  selectTime,
  shownSchedule,
  updateSchedule,
  type ScheduleFields,
  type StoredSchedule,
} from './store.ts';

/** A ready-made kind of schedule: what a schedule of this type has where its maker says nothing else. */
export type ScheduleKind = Omit<ScheduleType, 'available'>;

/**
 * Makes a schedule. Throws `invalid_request`, naming the field, for what is missing and for times that are not any or never
 * come, and what `check` throws for an agent or a type of task.
 */
export async function createSchedule(
  database: Database,
  check: CheckTask,
  kinds: readonly ScheduleKind[],
  requester: Requester,
  input: ScheduleInput,
): Promise<Schedule> {
  const kind = kindOf(kinds, input.schedule_type ?? null);
  const schedule = await inTenant(database.db, requester.tenantId, async (tx) => {
    const now = await selectTime(tx);
    const first = asDate(input.next_run_at);
    const times: Times = {
      ...requireOne(input.frequency ?? null, input.cron?.trim() ?? null, kind?.frequency ?? null),
      anchor: first ?? now,
      timezone: input.timezone,
    };
    const following = requireComing(times, now);
    const taskType = required('task_type', input.task_type ?? kind?.task_type);
    const agentId = required('agent_id', input.agent_id ?? kind?.agent_id);
    const title = required('title', input.title ?? kind?.title);
    const stored = await insertSchedule(
      tx,
      newId(),
      requester.tenantId,
      requester.userId,
      kind?.schedule_type ?? null,
      {
        ...times,
        agent_id: await check(tx, requester.tenantId, agentId, taskType),
        task_type: taskType,
        title,
        enabled: input.enabled,
        config: { ...kind?.config, ...input.config },
        catch_up: input.catch_up,
        next_run_at: first ?? following,
      },
    );
    const { frequency, cron, timezone } = stored;
    await record(tx, requester, 'SCHEDULE_CREATED', { schedule_id: stored.id, title, frequency, cron, timezone });
    return stored;
  });
  database.notify('reeve_schedules', '');
  return shownSchedule(schedule);
}

/**
 * Changes the fields sent. A change of its times reckons the next due time anew from now, and so does going on after a pause
 * in which it passed; a `next_run_at` that is sent wins, and gives a frequency its time of day from then on. Throws
 * `not_found`, and what `createSchedule` does.
 */
export async function changeSchedule(
  database: Database,
  check: CheckTask,
  requester: Requester,
  id: string,
  patch: SchedulePatch,
): Promise<Schedule> {
  const { tenantId } = requester;
  const schedule = await inTenant(database.db, tenantId, async (tx) => {
    const found = await lockSchedule(tx, tenantId, id);
    if (found === undefined) throw noSchedule(id);
    const before = found.schedule;
    const after = { ...before, ...timesAfter(before, patch, found.at), ...plainFields(patch) };
    if (patch.agent_id !== undefined || patch.task_type !== undefined)
      after.agent_id = await check(tx, tenantId, after.agent_id, after.task_type);
    const stored = await updateSchedule(tx, id, fieldsOf(after));
    await record(tx, requester, 'SCHEDULE_CHANGED', {
      schedule_id: id,
      title: stored.title,
      changed: Object.keys(patch),
      enabled: stored.enabled,
    });
    return stored;
  });
  database.notify('reeve_schedules', '');
  return shownSchedule(schedule);
}

/** Deletes a schedule; the tasks it made stay. Throws `not_found`. */
export async function removeSchedule(database: Database, requester: Requester, id: string): Promise<void> {
  await inTenant(database.db, requester.tenantId, async (tx) => {
    const title = await deleteSchedule(tx, requester.tenantId, id);
    if (title === undefined) throw noSchedule(id);
    await record(tx, requester, 'SCHEDULE_DELETED', { schedule_id: id, title });
  });
  database.notify('reeve_schedules', '');
}

/** What is thrown where a tenant has no such schedule. */
export function noSchedule(id: string): ReeveError {
  return new ReeveError('not_found', `there is no schedule ${id}`);
}

function kindOf(kinds: readonly ScheduleKind[], name: string | null): ScheduleKind | undefined {
  if (name === null) return undefined;
  const kind = kinds.find(({ schedule_type }) => schedule_type === name);
  if (kind !== undefined) return kind;
  const known = kinds.map(({ schedule_type }) => schedule_type).join(', ');
  throw invalidField('schedule_type', known === '' ? 'there are no types' : `is none of ${known}`);
}

/** Exactly one of both; where neither is given, what the type says. */
function requireOne(
  frequency: Times['frequency'],
  cron: string | null,
  usual: Times['frequency'],
): Pick<Times, 'frequency' | 'cron'> {
  if (frequency !== null && cron !== null)
    throw invalidField('cron', 'frequency and cron exclude each other; send one');
  if (frequency === null && cron === null && usual === null)
    throw invalidField('frequency', 'either frequency (daily, weekly, monthly) or cron is needed');
  return { frequency: cron === null ? (frequency ?? usual) : null, cron };
}

/** The first due time after `now`; throws where there is none or the times are not any. */
function requireComing(times: Times, now: Date): Date {
  const next = nextDue(times, now);
  if (next === null) throw invalidField('next_run_at', 'there is no due time before the year 10000');
  return next;
}

function timesAfter(
  before: StoredSchedule,
  patch: SchedulePatch,
  now: Date,
): Times & Pick<ScheduleFields, 'next_run_at'> {
  const sent = asDate(patch.next_run_at);
  const chosen = chosenTimes(before, patch);
  const timezone = patch.timezone ?? before.timezone;
  const changed = chosen.frequency !== before.frequency || chosen.cron !== before.cron || timezone !== before.timezone;
  // Sent back as it was, it says nothing: as an anchor, a 28 February would move what falls on each month's last day.
  const first = changed || sent?.getTime() !== before.next_run_at?.getTime() ? sent : null;
  const frequent = before.cron !== null && chosen.frequency !== null;
  const anchor = first ?? (frequent ? (before.next_run_at ?? now) : before.anchor);
  const times = { ...chosen, anchor, timezone };
  if (first !== null) {
    requireComing(times, now);
    return { ...times, next_run_at: first };
  }
  const passed = before.next_run_at === null || before.next_run_at <= now;
  const goesOn = patch.enabled === true && !before.enabled && passed;
  const anew = changed || goesOn || patch.next_run_at === null;
  return { ...times, next_run_at: anew ? requireComing(times, now) : before.next_run_at };
}

/** Setting one of both clears the other. */
function chosenTimes(before: Times, { frequency, cron }: SchedulePatch): Pick<Times, 'frequency' | 'cron'> {
  const set = (value: unknown) => value !== undefined && value !== null;
  return requireOne(
    set(cron) && !set(frequency) ? null : frequency === undefined ? before.frequency : frequency,
    set(frequency) && !set(cron) ? null : cron === undefined ? before.cron : (cron?.trim() ?? null),
    null,
  );
}

function plainFields({ agent_id, task_type, title, enabled, config, catch_up }: SchedulePatch) {
  return {
    ...(agent_id !== undefined && { agent_id }),
    ...(task_type !== undefined && { task_type }),
    ...(title !== undefined && { title }),
    ...(enabled !== undefined && { enabled }),
    ...(config !== undefined && { config }),
    ...(catch_up !== undefined && { catch_up }),
  };
}

function fieldsOf(schedule: StoredSchedule): ScheduleFields {
  const { agent_id, task_type, title, frequency, cron, anchor, timezone, enabled, config, catch_up, next_run_at } =
    schedule;
  return { agent_id, task_type, title, frequency, cron, anchor, timezone, enabled, config, catch_up, next_run_at };
}

function asDate(time: string | null | undefined): Date | null {
  return time == null ? null : new Date(time);
}

function required(path: string, value: string | null | undefined): string {
  if (value == null) throw invalidField(path, `${path} is needed unless a schedule_type gives it`);
  return value;
}

function record(
  tx: Tx,
  requester: Requester,
  action: AuditAction,
  details: Readonly<Record<string, unknown>>,
): Promise<void> {
  return recordAudit(tx, [{ ...requester, actor: requester.userId, action, details }]);
}
