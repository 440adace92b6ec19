import type { Db } from '@reeve/db';
import { sql } from 'kysely';

/** Lane of tasks whose worker fell silent before: see `Lane`. */
export const SUSPECT = '~';

/** Puts tasks among those that can be claimed. */
export async function insertReady(
  db: Db,
  tasks: readonly { id: string; tenantId: string; agentId: string; priority: number; quarantined?: boolean }[],
): Promise<void> {
  if (tasks.length === 0) return;
  const rows = tasks.map(({ id, tenantId, agentId, priority, quarantined }) => ({
    id,
    tenant_id: tenantId,
    lane: quarantined ? `${SUSPECT}${agentId}` : agentId,
    priority,
  }));
  await sql`insert into ready_tasks (tenant_id, lane, rank, task_id)
    select tenant_id, lane, reeve_rank(priority), id
    from json_to_recordset(${JSON.stringify(rows)}::json) as i (id uuid, tenant_id text, lane text, priority int)`.execute(
    db,
  );
}

/** A timer that goes off that many milliseconds from now, by the database's clock. */
export async function insertRetryTimer(db: Db, taskId: string, tenantId: string, delayMs: number): Promise<void> {
  await sql`insert into timers (task_id, tenant_id, due_at, reason)
    values (${taskId}, ${tenantId}, reeve_now() + ${delayMs} * interval '1 ms', 'retry')`.execute(db);
}

export async function insertTimers(
  db: Db,
  timers: readonly { taskId: string; tenantId: string; dueAt: Date }[],
): Promise<void> {
  if (timers.length === 0) return;
  await db
    .insertInto('timers')
    .values(
      timers.map(({ taskId, tenantId, dueAt }) => ({
        task_id: taskId,
        tenant_id: tenantId,
        due_at: dueAt,
        reason: 'schedule',
      })),
    )
    .execute();
}

/** Tasks whose time has come, up to `limit`, and milliseconds until the next one's does (null: none). */
export async function selectDue(db: Db, limit: number): Promise<{ due: string[]; nextMs: number | null }> {
  const { rows } = await sql<{ due: string[]; next_ms: number | null }>`
    select array(select task_id from timers where due_at <= reeve_now() order by due_at limit ${limit}) as due,
      (select extract(epoch from min(due_at) - reeve_now()) * 1000 from timers where due_at > reeve_now())::float8 as next_ms`.execute(
    db,
  );
  return { due: rows[0]!.due, nextMs: rows[0]!.next_ms };
}

/** Takes what is due of these tasks off the timers; answers those that were there. */
export async function takeDue(db: Db, taskIds: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ task_id: string }>`
    delete from timers where task_id = any(${[...taskIds]}::uuid[]) and due_at <= reeve_now() returning task_id`.execute(
    db,
  );
  return rows.map(({ task_id }) => task_id);
}

/** Takes a pending task out of wherever it waits, in the order in which tasks move, so that none slips past. */
export async function deleteWaiting(db: Db, taskId: string): Promise<void> {
  await db.deleteFrom('task_dependencies').where('task_id', '=', taskId).execute();
  await db.deleteFrom('timers').where('task_id', '=', taskId).execute();
  await db.deleteFrom('parked_tasks').where('task_id', '=', taskId).execute();
  await db.deleteFrom('ready_tasks').where('task_id', '=', taskId).execute();
}

export async function insertDependencies(
  db: Db,
  dependencies: readonly { tenantId: string; taskId: string; dependsOn: string }[],
): Promise<void> {
  if (dependencies.length === 0) return;
  await sql`insert into task_dependencies (depends_on, task_id, tenant_id)
    select depends_on, task_id, tenant_id
    from json_to_recordset(${JSON.stringify(
      dependencies.map(({ tenantId, taskId, dependsOn }) => ({
        depends_on: dependsOn,
        task_id: taskId,
        tenant_id: tenantId,
      })),
    )}::json) as d (depends_on uuid, task_id uuid, tenant_id text)`.execute(db);
}

/** Records that other tasks wait for the end of these. */
export async function updateNotifying(db: Db, taskIds: readonly string[]): Promise<void> {
  if (taskIds.length === 0) return;
  await db
    .updateTable('tasks')
    .set({ has_followers: true })
    .where('id', 'in', [...taskIds])
    .execute();
}

/** Removes an ended task from the dependencies of its dependents. */
export async function deleteDependency(db: Db, dependsOn: string): Promise<void> {
  await db.deleteFrom('task_dependencies').where('depends_on', '=', dependsOn).execute();
}

/**
 * Writes what tasks depended on into their payloads: `dependencies`, by the key where both are of one workflow, else by id,
 * with null for those that did not complete, whose errors `dependency_errors` holds.
 */
export async function updateDependencyResults(db: Db, taskIds: readonly string[]): Promise<void> {
  if (taskIds.length === 0) return;
  await sql`update tasks t set payload = (t.payload - 'dependency_errors') || d.found
    from (
      select t.id, jsonb_build_object('dependencies', jsonb_object_agg(k.key, d.result))
        || case when bool_and(d.status = 'completed') then '{}' else jsonb_build_object('dependency_errors',
          jsonb_object_agg(k.key, coalesce(d.error_message, d.status)) filter (where d.status <> 'completed')) end as found
      from tasks t cross join lateral unnest(t.depends_on) as n (id) join tasks d on d.id = n.id
      cross join lateral (select case when d.workflow_id = t.workflow_id then d.workflow_key else d.id::text end as key) k
      where t.id = any(${[...taskIds]}::uuid[])
      group by t.id
    ) d
    where t.id = d.id`.execute(db);
}
