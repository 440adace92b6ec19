import type { Db } from '@reeve/db';
import { sql } from 'kysely';

/** Adds tasks to the ready ones of their lanes. */
export async function insertReady(
  db: Db,
  tasks: readonly { id: string; tenantId: string; agentId: string; priority: number; quarantined?: boolean }[],
): Promise<void> {
  if (tasks.length === 0) return;
  const rows = tasks.map(({ id, tenantId, agentId, priority, quarantined = false }) => ({
    id,
    tenant_id: tenantId,
    agent_id: agentId,
    quarantined,
    priority,
  }));
  await sql`insert into ready_tasks (tenant_id, agent_id, quarantined, rank, task_id)
    select tenant_id, agent_id, quarantined, reeve_rank(priority), id
    from json_to_recordset(${JSON.stringify(rows)}::json)
      as i (id uuid, tenant_id text, agent_id text, quarantined boolean, priority int)`.execute(db);
}

/** Removes a pending task from wherever it waits or is ready, in the order in which tasks move, so that none slips past. */
export async function deleteWaiting(db: Db, taskId: string): Promise<void> {
  await db.deleteFrom('task_dependencies').where('task_id', '=', taskId).execute();
  await db.deleteFrom('waiting_tasks').where('task_id', '=', taskId).execute();
  await db.deleteFrom('ready_tasks').where('task_id', '=', taskId).execute();
}
