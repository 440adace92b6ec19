import type { Db } from '@reeve/db';
import { sql } from 'kysely';

/**
 * Makes a new task the child of one in progress, in the transaction that inserts it. The parent can then be suspended for
 * `dependencies` and resumes when any of its children ends. Its own end cancels the children that have not ended.
 */
export async function adoptTask(db: Db, taskId: string, parentTaskId: string): Promise<void> {
  await sql`update tasks set notifies_on_end = true, parent_task_id = case when id = ${taskId} then ${parentTaskId}::uuid else parent_task_id end
    where id in (${taskId}, ${parentTaskId})`.execute(db);
}

/** The tasks that the end of a task concerns. */
export interface TaskRelations {
  /** Tasks that wait for it before they begin. */
  readonly dependents: readonly string[];
  /** The task that may be suspended until it ends: none or one. */
  readonly parents: readonly string[];
  /** Tasks that were created for it and have not ended. */
  readonly children: readonly string[];
}

export async function selectRelations(db: Db, taskId: string): Promise<TaskRelations> {
  const { rows } = await sql<{ id: string; relation: keyof TaskRelations }>`
    select task_id as id, 'dependents' as relation from task_dependencies where depends_on = ${taskId}
    union all select parent_task_id, 'parents' from tasks where id = ${taskId} and parent_task_id is not null
    union all select id, 'children' from tasks where parent_task_id = ${taskId} and status = 'pending'`.execute(db);
  const of = (relation: keyof TaskRelations) => rows.filter((row) => row.relation === relation).map(({ id }) => id);
  return { dependents: of('dependents'), parents: of('parents'), children: of('children') };
}
