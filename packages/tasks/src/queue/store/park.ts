import type { Db } from '@reeve/db';
import { sql } from 'kysely';

/** What a task that was put aside waits for. */
export type ParkReason = 'approval' | 'budget' | 'dependencies';

interface ParkedTask {
  readonly id: string;
  readonly tenantId: string;
}

/** Puts a task aside that is nowhere else. With `retryMs` it tries again by itself that many milliseconds from now. */
export async function insertParked(
  db: Db,
  taskId: string,
  tenantId: string,
  reason: ParkReason,
  retryMs: number | undefined,
): Promise<void> {
  await sql`insert into parked_tasks (task_id, tenant_id, reason, retry_at)
    values (${taskId}, ${tenantId}, ${reason}, reeve_now() + ${retryMs ?? null}::float8 * interval '1 ms')`.execute(db);
}

/** Takes a task out of those that were put aside for one of these; false where it was not among them. */
export async function deleteParked(db: Db, taskId: string, reasons: readonly ParkReason[]): Promise<boolean> {
  const row = await db
    .deleteFrom('parked_tasks')
    .where('task_id', '=', taskId)
    .where('reason', 'in', [...reasons])
    .returning('task_id')
    .executeTakeFirst();
  return row !== undefined;
}

/** A tenant's tasks that have waited for money since before a time, longest first. */
export async function selectShort(db: Db, tenantId: string, before: Date, limit: number): Promise<ParkedTask[]> {
  const rows = await db
    .selectFrom('parked_tasks')
    .select('task_id')
    .where('tenant_id', '=', tenantId)
    .where('reason', '=', 'budget')
    .where('parked_at', '<=', before)
    .orderBy('parked_at')
    .limit(limit)
    .execute();
  return rows.map(({ task_id: id }) => ({ id, tenantId }));
}

/** Tasks of any tenant that try again by themselves now. */
export async function selectRetrying(db: Db, limit: number): Promise<ParkedTask[]> {
  const { rows } = await sql<ParkedTask>`
    select task_id as id, tenant_id as "tenantId" from parked_tasks where retry_at <= reeve_now() order by retry_at limit ${limit}`.execute(
    db,
  );
  return rows;
}
