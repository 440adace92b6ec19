import type { CatchUp, Frequency, Schedule } from '@reeve/contract';
import { json, now, type Db, type Tables } from '@reeve/db';
import { sql, type Selectable, type SqlBool } from 'kysely';
import type { Paging } from '../queue/store/read.ts';

/** A schedule as it is stored. */
export type StoredSchedule = Omit<Selectable<Tables['schedules']>, 'frequency' | 'catch_up' | 'config'> & {
  readonly frequency: Frequency | null;
  readonly catch_up: CatchUp;
  readonly config: Record<string, unknown>;
};

/** What a caller decides of a schedule. */
export type ScheduleFields = Pick<
  StoredSchedule,
  | 'agent_id'
  | 'task_type'
  | 'title'
  | 'frequency'
  | 'cron'
  | 'anchor'
  | 'timezone'
  | 'enabled'
  | 'config'
  | 'catch_up'
  | 'next_run_at'
>;

interface ScheduleFilter {
  readonly agentId?: string | undefined;
  readonly enabled?: boolean | undefined;
}

/** A schedule, and the database's time. */
interface TimedSchedule {
  readonly schedule: StoredSchedule;
  readonly at: Date;
}

export async function insertSchedule(
  db: Db,
  id: string,
  tenantId: string,
  createdBy: string,
  scheduleType: string | null,
  fields: ScheduleFields,
): Promise<StoredSchedule> {
  const row = await db
    .insertInto('schedules')
    .values({
      ...fields,
      id,
      tenant_id: tenantId,
      schedule_type: scheduleType,
      created_by_user_id: createdBy,
      config: json(fields.config),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return row as StoredSchedule;
}

export async function selectSchedule(db: Db, tenantId: string, id: string): Promise<StoredSchedule | undefined> {
  return (await own(db, tenantId, id).executeTakeFirst()) as StoredSchedule | undefined;
}

/** A schedule, locked until the transaction ends, and the time. */
export async function lockSchedule(db: Db, tenantId: string, id: string): Promise<TimedSchedule | undefined> {
  return withTime(db, await own(db, tenantId, id).forUpdate().executeTakeFirst());
}

/** A schedule that is due, locked until the transaction ends, and the time; undefined also where another has locked it. */
export async function lockDueSchedule(db: Db, tenantId: string, id: string): Promise<TimedSchedule | undefined> {
  const due = own(db, tenantId, id).where('enabled', '=', true).where('next_run_at', '<=', now);
  return withTime(db, await due.forUpdate().skipLocked().executeTakeFirst());
}

function own(db: Db, tenantId: string, id: string) {
  return db.selectFrom('schedules').selectAll().where('tenant_id', '=', tenantId).where('id', '=', id);
}

async function withTime(db: Db, row: Selectable<Tables['schedules']> | undefined): Promise<TimedSchedule | undefined> {
  return row && { schedule: row as StoredSchedule, at: await selectTime(db) };
}

/** The database's time, which decides what is due. */
export async function selectTime(db: Db): Promise<Date> {
  const { rows } = await sql<{ at: Date }>`select reeve_now() as at`.execute(db);
  return rows[0]!.at;
}

/** A page of schedules, newest first. */
export async function listSchedules(
  db: Db,
  tenantId: string,
  { agentId, enabled }: ScheduleFilter,
  { limit, offset }: Paging,
): Promise<{ schedules: Schedule[]; total: number }> {
  let query = db.selectFrom('schedules').where('tenant_id', '=', tenantId);
  if (agentId !== undefined) query = query.where('agent_id', '=', agentId);
  if (enabled !== undefined) query = query.where('enabled', '=', enabled);
  const rows = await query
    .selectAll()
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .offset(offset)
    .execute();
  const { total } = await query.select(({ fn }) => fn.countAll<number>().as('total')).executeTakeFirstOrThrow();
  return { schedules: rows.map((row) => shownSchedule(row as StoredSchedule)), total };
}

export async function updateSchedule(db: Db, id: string, fields: ScheduleFields): Promise<StoredSchedule> {
  const row = await db
    .updateTable('schedules')
    .set({ ...fields, config: json(fields.config), updated_at: now })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
  return row as StoredSchedule;
}

/** Writes that due times have passed, with a task or without. */
export async function updatePassed(
  db: Db,
  id: string,
  passed: { nextRunAt: Date | null; missed: number; taskId: string | null; error: string | null },
): Promise<void> {
  await db
    .updateTable('schedules')
    .set(({ eb }) => ({
      next_run_at: passed.nextRunAt,
      missed_count: eb('missed_count', '+', passed.missed),
      last_error: passed.error,
      ...(passed.taskId !== null && { last_task_id: passed.taskId, last_run_at: now }),
    }))
    .where('id', '=', id)
    .execute();
}

/** Returns the title of the deleted schedule. */
export async function deleteSchedule(db: Db, tenantId: string, id: string): Promise<string | undefined> {
  const row = await db
    .deleteFrom('schedules')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .returning('title')
    .executeTakeFirst();
  return row?.title;
}

/** The enabled schedules that are due first, of one tenant or of all, with the milliseconds until then. */
export async function selectUpcoming(
  db: Db,
  tenantId: string | undefined,
  except: readonly string[],
  limit: number,
): Promise<{ id: string; tenantId: string; inMs: number }[]> {
  const ofTenant = tenantId === undefined ? sql<SqlBool>`true` : sql<SqlBool>`tenant_id = ${tenantId}`;
  const { rows } = await sql<{ id: string; tenant_id: string; in_ms: number }>`
    select id, tenant_id, extract(epoch from next_run_at - reeve_now())::float8 * 1000 as in_ms from schedules
    where enabled and next_run_at is not null and ${ofTenant} and id <> all (${[...except]}::uuid[])
    order by next_run_at limit ${limit}`.execute(db);
  return rows.map((row) => ({ id: row.id, tenantId: row.tenant_id, inMs: row.in_ms }));
}

/** The schedules of a tenant, or of all, that are due, the one due first first. */
export async function selectDue(db: Db, tenantId: string | undefined, limit: number): Promise<StoredSchedule[]> {
  let query = db.selectFrom('schedules').selectAll().where('enabled', '=', true).where('next_run_at', '<=', now);
  if (tenantId !== undefined) query = query.where('tenant_id', '=', tenantId);
  return (await query.orderBy('next_run_at').limit(limit).execute()) as StoredSchedule[];
}

/** A schedule as the API shows it. */
export function shownSchedule(row: StoredSchedule): Schedule {
  return {
    id: row.id,
    tenant_id: row.tenant_id,
    schedule_type: row.schedule_type,
    agent_id: row.agent_id,
    task_type: row.task_type,
    title: row.title,
    frequency: row.frequency,
    cron: row.cron,
    timezone: row.timezone,
    enabled: row.enabled,
    config: row.config,
    catch_up: row.catch_up,
    next_run_at: row.next_run_at?.toISOString() ?? null,
    last_run_at: row.last_run_at?.toISOString() ?? null,
    last_task_id: row.last_task_id,
    missed_count: row.missed_count,
    last_error: row.last_error,
    created_by_user_id: row.created_by_user_id,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}
