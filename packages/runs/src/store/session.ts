import type { Db } from '@reeve/db';
import { sql } from 'kysely';
import type { RunRecord } from '../run.ts';

/** The run of a session that began last before this one. */
export async function selectPrevious(
  db: Db,
  { id, tenantId, sessionId }: Pick<RunRecord, 'id' | 'tenantId' | 'sessionId'>,
): Promise<{ id: string; status: string } | undefined> {
  return db
    .selectFrom('runs')
    .select(['id', 'status'])
    .where('tenant_id', '=', tenantId)
    .where('session_id', '=', sessionId)
    .where('id', '<>', id)
    .where('started_at', 'is not', null)
    .orderBy('started_at', 'desc')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** The tasks of the runs of a session that have not ended. */
export async function selectUnended(db: Db, tenantId: string, sessionId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('runs')
    .select('task_id')
    .where('tenant_id', '=', tenantId)
    .where('session_id', '=', sessionId)
    .where('status', 'in', ['queued', 'running'])
    .execute();
  return rows.map(({ task_id }) => task_id);
}

/** Takes what a run added to the end of its session out again. */
export async function deleteMessagesOf(
  db: Db,
  { id, tenantId, sessionId }: Pick<RunRecord, 'id' | 'tenantId' | 'sessionId'>,
): Promise<void> {
  await sql`with gone as (
      delete from messages where tenant_id = ${tenantId} and session_id = ${sessionId} and run_id = ${id}
      returning position
    )
    update sessions set message_count = (
        select greatest(max(position), sessions.parent_until, 0) from messages m
        where m.session_id = sessions.id and not exists (select from gone where gone.position = m.position))
    where tenant_id = ${tenantId} and id = ${sessionId} and exists (select from gone)`.execute(db);
}
