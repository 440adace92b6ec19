import type { Db } from '@reeve/db';
import { sql } from 'kysely';

/*
 * Rows of waiting_tasks: pending tasks that are not claimable yet
 *
 *   schedule, retry                         until due_at
 *   approval, budget, dependencies, model, caller  suspended (see suspend-task.ts) until an event resumes them, or until due_at where they have one
 */

/** What a suspended task waits for. */
export type SuspendReason = 'approval' | 'budget' | 'dependencies' | 'model' | 'caller';

const SUSPENDED: readonly string[] = [
  'approval',
  'budget',
  'dependencies',
  'model',
  'caller',
] satisfies SuspendReason[];

export function isSuspendReason(reason: string): reason is SuspendReason {
  return SUSPENDED.includes(reason);
}

/** Has a task wait for its next attempt, that many milliseconds from now by the database's clock. */
export async function insertRetry(db: Db, taskId: string, tenantId: string, delayMs: number): Promise<void> {
  await sql`insert into waiting_tasks (task_id, tenant_id, reason, due_at)
    values (${taskId}, ${tenantId}, 'retry', reeve_now() + ${delayMs} * interval '1 ms')`.execute(db);
}

/** Has tasks wait for their start times. */
export async function insertScheduled(
  db: Db,
  tasks: readonly { taskId: string; tenantId: string; dueAt: Date }[],
): Promise<void> {
  if (tasks.length === 0) return;
  await db
    .insertInto('waiting_tasks')
    .values(
      tasks.map(({ taskId, tenantId, dueAt }) => ({
        task_id: taskId,
        tenant_id: tenantId,
        reason: 'schedule',
        due_at: dueAt,
      })),
    )
    .execute();
}

/** Has a task wait for an event, or until that many milliseconds from now where `retryMs` is given. */
export async function insertSuspended(
  db: Db,
  taskId: string,
  tenantId: string,
  reason: SuspendReason,
  retryMs: number | undefined,
): Promise<void> {
  await sql`insert into waiting_tasks (task_id, tenant_id, reason, due_at)
    values (${taskId}, ${tenantId}, ${reason}, reeve_now() + ${retryMs ?? null}::float8 * interval '1 ms')`.execute(db);
}

/** Removes the row of a task that is suspended for one of these reasons; returns false when there is none. */
export async function deleteSuspended(db: Db, taskId: string, reasons: readonly SuspendReason[]): Promise<boolean> {
  const row = await db
    .deleteFrom('waiting_tasks')
    .where('task_id', '=', taskId)
    .where('reason', 'in', [...reasons])
    .returning('task_id')
    .executeTakeFirst();
  return row !== undefined;
}

/** A tenant's tasks that have waited for budget since before a time, the longest first. */
export async function selectShort(
  db: Db,
  tenantId: string,
  before: Date,
  limit: number,
): Promise<{ id: string; tenantId: string }[]> {
  const { rows } = await sql<{ id: string; tenantId: string }>`
    select task_id as id, tenant_id as "tenantId" from waiting_tasks
    where tenant_id = ${tenantId} and reason = 'budget' and since <= ${before} order by since limit ${limit}`.execute(
    db,
  );
  return rows;
}

/** Up to here the tasks that wait for a model are counted. */
const COUNTED = 10_000;

/** How many tasks of all tenants wait for a model that takes no calls, counted up to 10,000. */
export async function countModelWaits(db: Db): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from (select from waiting_tasks where reason = 'model' limit ${COUNTED}) as waiting`.execute(
    db,
  );
  return rows[0]!.count;
}

/** Now, by the database's clock. */
export async function selectNow(db: Db): Promise<Date> {
  const { rows } = await sql<{ at: Date }>`select reeve_now() as at`.execute(db);
  return rows[0]!.at;
}

/** Tasks whose time has come, up to `limit`, and milliseconds until the next one's does (null: none). */
export async function selectDue(db: Db, limit: number): Promise<{ due: string[]; nextMs: number | null }> {
  const { rows } = await sql<{ due: string[]; next_ms: number | null }>`
    select array(select task_id from waiting_tasks where due_at <= reeve_now() order by due_at limit ${limit}) as due,
      (select extract(epoch from min(due_at) - reeve_now()) * 1000 from waiting_tasks where due_at > reeve_now())::float8 as next_ms`.execute(
    db,
  );
  return { due: rows[0]!.due, nextMs: rows[0]!.next_ms };
}

/** Removes the rows of these tasks that are due; returns the reason of each. */
export async function takeDue(db: Db, taskIds: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await sql<{ task_id: string; reason: string }>`
    delete from waiting_tasks where task_id = any(${[...taskIds]}::uuid[]) and due_at <= reeve_now()
    returning task_id, reason`.execute(db);
  return new Map(rows.map(({ task_id, reason }) => [task_id, reason]));
}
