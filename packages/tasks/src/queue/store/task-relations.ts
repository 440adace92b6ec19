import type { Db } from '@reeve/db';
import { sql } from 'kysely';

/**
 * Makes a new task the child of one in progress, in the transaction that inserts it. The parent can be put aside for
 * `dependencies` then, goes on when any of its children has ended, and takes those that have not with it when it ends.
 */
export async function adoptTask(db: Db, taskId: string, parentTaskId: string): Promise<void> {
  await sql`update tasks set has_followers = true, parent_task_id = case when id = ${taskId} then ${parentTaskId}::uuid else parent_task_id end
    where id in (${taskId}, ${parentTaskId})`.execute(db);
}

/** Whom the end of a task concerns. */
export interface Followers {
  /** Those that wait for it before they begin. */
  readonly dependents: readonly string[];
  /** The one that may be put aside until it ends. */
  readonly parents: readonly string[];
  /** Those that were made for it and have not ended. */
  readonly children: readonly string[];
}

export async function selectFollowers(db: Db, taskId: string): Promise<Followers> {
  const { rows } = await sql<{ id: string; kin: keyof Followers }>`
    select task_id as id, 'dependents' as kin from task_dependencies where depends_on = ${taskId}
    union all select parent_task_id, 'parents' from tasks where id = ${taskId} and parent_task_id is not null
    union all select id, 'children' from tasks where parent_task_id = ${taskId} and status = 'pending'`.execute(db);
  const of = (kin: keyof Followers) => rows.filter((row) => row.kin === kin).map(({ id }) => id);
  return { dependents: of('dependents'), parents: of('parents'), children: of('children') };
}
