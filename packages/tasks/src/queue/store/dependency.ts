import type { Db } from '@reeve/db';
import { sql } from 'kysely';

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
    .set({ notifies_on_end: true })
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
