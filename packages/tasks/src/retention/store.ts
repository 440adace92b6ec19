import type { Db } from '@reeve/db';
import { sql } from 'kysely';

/** The moment before which things are old. */
export async function selectCutoff(db: Db, days: number): Promise<Date> {
  const { rows } = await sql<{ at: Date }>`select reeve_now() - ${days} * interval '1 day' as at`.execute(db);
  return rows[0]!.at;
}

/**
 * Locks tasks that ended before the cutoff, but for those whose results a pending task still waits to be given. Goes through
 * the tasks made before the cutoff in the order of their ids, which hold the time of their making: no index of the times of
 * ends is needed. `last` is where to go on; undefined: there are no more.
 */
export async function lockOldTasks(
  db: Db,
  cutoff: Date,
  after: string,
  limit: number,
): Promise<{ ids: string[]; last: string | undefined }> {
  const { rows } = await sql<{ id: string; needed: boolean }>`
    select id, notifies_on_end and (exists (
      select from tasks d where d.depends_on @> array[t.id] and d.depends_on <> '{}' and d.status = 'pending')
      or exists (select from tasks p where p.id = t.parent_task_id and p.status = 'pending')) as needed
    from tasks t
    where id > ${after} and id < ${firstIdOf(cutoff)} and status <> 'pending' and completed_at < ${cutoff}
    order by id limit ${limit} for update skip locked`.execute(db);
  return {
    ids: rows.filter(({ needed }) => !needed).map(({ id }) => id),
    last: rows.length < limit ? undefined : rows.at(-1)?.id,
  };
}

export async function deleteApprovalsOf(db: Db, taskIds: readonly string[]): Promise<void> {
  await db
    .deleteFrom('approvals')
    .where('task_id', 'in', [...taskIds])
    .execute();
}

export async function deleteTasks(db: Db, ids: readonly string[]): Promise<void> {
  await db
    .deleteFrom('tasks')
    .where('id', 'in', [...ids])
    .execute();
}

/** Workflows of which no task is left. */
export async function deleteEmptyWorkflows(db: Db, cutoff: Date): Promise<void> {
  await sql`delete from workflows w where created_at < ${cutoff}
    and not exists (select from tasks t where t.workflow_id = w.id)`.execute(db);
}

/** Deletes the oldest entries of a tenant's journal as far as they are old; returns whether there may be more. */
export async function deleteOldJournal(db: Db, tenantId: string, cutoff: Date, limit: number): Promise<boolean> {
  const { rows } = await sql<{ seen: number; gone: number }>`
    with oldest as (
      select xid, position, created_at from journal where tenant_id = ${tenantId} order by xid, position limit ${limit}
    ), gone as (
      delete from journal j using oldest o
      where j.tenant_id = ${tenantId} and j.xid = o.xid and j.position = o.position and o.created_at < ${cutoff}
      returning 1
    )
    select (select count(*) from oldest)::int as seen, (select count(*) from gone)::int as gone`.execute(db);
  const { seen, gone } = rows[0]!;
  return seen === limit && gone === limit;
}

export async function selectTenants(db: Db): Promise<string[]> {
  const rows = await db.selectFrom('tenants').select('tenant_id').execute();
  return rows.map(({ tenant_id }) => tenant_id);
}

/** The smallest UUID of version 7 that could have been made at a time. */
function firstIdOf(time: Date): string {
  const hex = time.getTime().toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}
