import { now, type Db } from '@reeve/db';
import { sql } from 'kysely';

/** Leases a task that waits nowhere. */
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

/** Extends the owner's leases of these tasks; returns those it still holds, and which of them were asked to stop. */
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

/** Tasks whose leases ran out, up to `limit`. */
export async function selectExpired(db: Db, limit: number): Promise<string[]> {
  const { rows } = await sql<{ task_id: string }>`
    select task_id from leases where expires_at <= reeve_now() order by expires_at limit ${limit}`.execute(db);
  return rows.map(({ task_id }) => task_id);
}

/** Deletes a lease that ran out. Returns undefined when it was extended or ended meanwhile, or another transaction has locked it. */
export async function deleteExpired(db: Db, taskId: string): Promise<{ attempt: number; startedAt: Date } | undefined> {
  const { rows } = await sql<{ attempt: number; started_at: Date }>`
    delete from leases where task_id = (select task_id from leases where task_id = ${taskId} and expires_at <= reeve_now() for update skip locked)
      and expires_at <= reeve_now()
    returning attempt, started_at`.execute(db);
  const [row] = rows;
  return row && { attempt: row.attempt, startedAt: row.started_at };
}

/** Expires every lease now. Only right when no other process can be alive, as on an embedded database just opened. */
export async function expireLeases(db: Db): Promise<void> {
  await db.updateTable('leases').set({ expires_at: now }).execute();
}

/** Locks a lease for the rest of the transaction; returns false when the epoch is no longer current. */
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

/** Deletes a lease; returns its attempt and start, or undefined when the epoch is no longer current. */
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

/** Whether a worker holds the task. */
export async function hasLease(db: Db, taskId: string): Promise<boolean> {
  const row = await db.selectFrom('leases').select('epoch').where('task_id', '=', taskId).executeTakeFirst();
  return row !== undefined;
}
