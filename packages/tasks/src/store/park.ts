import type { Db } from '@reeve/db';
import { sql } from 'kysely';

/** What a task that was put aside waits for. */
export type ParkReason = 'approval' | 'budget';

/** Puts a task aside that is nowhere else. */
export async function insertParked(db: Db, taskId: string, tenantId: string, reason: ParkReason): Promise<void> {
  await db.insertInto('parked_tasks').values({ task_id: taskId, tenant_id: tenantId, reason }).execute();
}

/** Takes a task out of those that were put aside; false where it was not among them. */
export async function deleteParked(db: Db, taskId: string, reason?: ParkReason): Promise<boolean> {
  let query = db.deleteFrom('parked_tasks').where('task_id', '=', taskId);
  if (reason !== undefined) query = query.where('reason', '=', reason);
  return (await query.returning('task_id').executeTakeFirst()) !== undefined;
}

/** Tasks that wait for money, of one tenant or of all, and have for that many seconds, longest first. */
export async function selectShort(db: Db, tenantId: string | null, seconds: number, limit: number): Promise<string[]> {
  const { rows } = await sql<{ task_id: string }>`
    select task_id from parked_tasks
    where reason = 'budget' and (${tenantId}::text is null or tenant_id = ${tenantId}::text)
      and parked_at <= reeve_now() - ${seconds}::float8 * interval '1 s'
    order by parked_at limit ${limit}`.execute(db);
  return rows.map(({ task_id }) => task_id);
}
