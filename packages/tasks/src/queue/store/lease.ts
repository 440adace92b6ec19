import { now, type Db } from '@reeve/db';
import { sql } from 'kysely';

/** A lease for a task that is nowhere else. */
export async function insertLease(
  db: Db,
  task: { id: string; tenantId: string; agentId: string },
  owner: string,
  leaseMs: number,
): Promise<number> {
  const { rows } = await sql<{ epoch: number }>`
    insert into leases (task_id, tenant_id, agent_id, epoch, owner, attempt, started_at, expires_at)
    values (${task.id}, ${task.tenantId}, ${task.agentId}, nextval('lease_epochs'), ${owner}, 1, reeve_now(), reeve_now() + ${leaseMs} * interval '1 ms')
    returning epoch`.execute(db);
  return rows[0]!.epoch;
}

/** Extends the owner's leases of these tasks; answers those it still has, and which of them were asked to stop. */
export async function extendLeases(
  db: Db,
  owner: string,
  taskIds: readonly string[],
  leaseMs: number,
): Promise<{ taskId: string; epoch: number; cancelRequested: boolean }[]> {
  const { rows } = await sql<{ task_id: string; epoch: number; cancel_requested: boolean }>`
    update leases l set expires_at = reeve_now() + ${leaseMs} * interval '1 ms'
    from tasks t where t.id = l.task_id and l.task_id = any(${[...taskIds]}::uuid[]) and l.owner = ${owner} and l.expires_at > reeve_now()
    returning l.task_id, l.epoch, t.cancel_requested`.execute(db);
  return rows.map((row) => ({ taskId: row.task_id, epoch: row.epoch, cancelRequested: row.cancel_requested }));
}

/** Leases whose holder fell silent, up to `limit`. */
export async function selectExpired(db: Db, limit: number): Promise<string[]> {
  const { rows } = await sql<{ task_id: string }>`
    select task_id from leases where expires_at <= reeve_now() order by expires_at limit ${limit}`.execute(db);
  return rows.map(({ task_id }) => task_id);
}

/** Takes a lease away that has run out; undefined where it was extended or ended meanwhile, or somebody else is at it. */
export async function deleteExpired(db: Db, taskId: string): Promise<{ attempt: number; startedAt: Date } | undefined> {
  const { rows } = await sql<{ attempt: number; started_at: Date }>`
    delete from leases where task_id = (select task_id from leases where task_id = ${taskId} and expires_at <= reeve_now() for update skip locked)
      and expires_at <= reeve_now()
    returning attempt, started_at`.execute(db);
  const [row] = rows;
  return row && { attempt: row.attempt, startedAt: row.started_at };
}

/** Lets every lease run out now: right only where no other process can be alive, as on an embedded database just opened. */
export async function expireLeases(db: Db): Promise<void> {
  await db.updateTable('leases').set({ expires_at: now }).execute();
}

/** Locks the lease for the rest of the transaction; false where it is not that holder's any more. */
export async function lockLease(db: Db, taskId: string, epoch: number): Promise<boolean> {
  const row = await db
    .selectFrom('leases')
    .select('epoch')
    .where('task_id', '=', taskId)
    .where('epoch', '=', epoch)
    .forUpdate()
    .executeTakeFirst();
  return row !== undefined;
}

/** Ends a lease; answers its attempt and start, or undefined where it is not that holder's any more. */
export async function deleteLease(
  db: Db,
  taskId: string,
  epoch: number,
): Promise<{ attempt: number; startedAt: Date } | undefined> {
  const row = await db
    .deleteFrom('leases')
    .where('task_id', '=', taskId)
    .where('epoch', '=', epoch)
    .returning(['attempt', 'started_at'])
    .executeTakeFirst();
  return row && { attempt: row.attempt, startedAt: row.started_at };
}

/** Whether somebody works on the task. */
export async function hasLease(db: Db, taskId: string): Promise<boolean> {
  const row = await db.selectFrom('leases').select('epoch').where('task_id', '=', taskId).executeTakeFirst();
  return row !== undefined;
}
