import type { Db } from '@reeve/db';
import { sql } from 'kysely';

/**
 * Locks concurrency keys until the transaction ends. A transaction locks all keys that it may need at once and before any task: the
 * holder of a key's lock may lock every task with a slot of it.
 */
export async function lockKeys(db: Db, tenantId: string, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await sql`with keys as materialized (
      select distinct hashtextextended(${tenantId} || ' ' || key, 0) as hash from unnest(${[...keys]}::text[]) as k (key) order by 1
    ) select pg_advisory_xact_lock(hash) from keys`.execute(db);
}

/** The same for the keys of these tasks. */
export async function lockKeysOf(db: Db, taskIds: readonly string[]): Promise<void> {
  if (taskIds.length === 0) return;
  await sql`with keys as materialized (
      select distinct hashtextextended(tenant_id || ' ' || concurrency_key, 0) as hash from tasks
      where id = any(${[...taskIds]}::uuid[]) and concurrency_key is not null order by 1
    ) select pg_advisory_xact_lock(hash) from keys`.execute(db);
}

/** The tasks that hold a slot of a key. */
export async function selectHolders(db: Db, tenantId: string, key: string): Promise<string[]> {
  const rows = await ofKey(db, tenantId, key).where('holds', '=', true).execute();
  return rows.map(({ task_id }) => task_id);
}

/** The same, without ended tasks whose slot is still to be passed on. */
export async function selectBusy(db: Db, tenantId: string, key: string): Promise<string[]> {
  const rows = await ofKey(db, tenantId, key)
    .innerJoin('tasks', 'tasks.id', 'concurrency_slots.task_id')
    .where('holds', '=', true)
    .where('tasks.status', '=', 'pending')
    .execute();
  return rows.map(({ task_id }) => task_id);
}

/** The next tasks in line for a slot of a key. */
export async function selectNext(db: Db, tenantId: string, key: string, limit: number): Promise<string[]> {
  const rows = await ofKey(db, tenantId, key)
    .where('holds', '=', false)
    .orderBy('rank')
    .orderBy('task_id')
    .limit(limit)
    .execute();
  return rows.map(({ task_id }) => task_id);
}

/** The tasks of a key: holders and waiters. */
export async function selectSlots(db: Db, tenantId: string, key: string): Promise<string[]> {
  const rows = await ofKey(db, tenantId, key).orderBy('task_id').execute();
  return rows.map(({ task_id }) => task_id);
}

function ofKey(db: Db, tenantId: string, key: string) {
  return db
    .selectFrom('concurrency_slots')
    .select('concurrency_slots.task_id')
    .where('concurrency_slots.tenant_id', '=', tenantId)
    .where('concurrency_slots.key', '=', key);
}

/** Adds a task to its key, as the holder of a slot or a waiter. */
export async function insertSlot(
  db: Db,
  task: { id: string; tenantId: string; priority: number },
  key: string,
  holds: boolean,
): Promise<void> {
  await sql`insert into concurrency_slots (tenant_id, key, task_id, holds, rank)
    values (${task.tenantId}, ${key}, ${task.id}, ${holds}, reeve_rank(${task.priority}))
    on conflict (tenant_id, key, task_id) do update set holds = excluded.holds`.execute(db);
}

/** Gives a task a concurrency key, so that its end concerns the key's waiters. */
export async function updateKey(db: Db, taskId: string, key: string): Promise<void> {
  await db.updateTable('tasks').set({ concurrency_key: key, notifies_on_end: true }).where('id', '=', taskId).execute();
}

/** Removes a task from its key; returns the key. */
export async function deleteSlot(db: Db, taskId: string): Promise<{ tenantId: string; key: string } | undefined> {
  const row = await db
    .deleteFrom('concurrency_slots')
    .where('task_id', '=', taskId)
    .returning(['tenant_id', 'key'])
    .executeTakeFirst();
  return row && { tenantId: row.tenant_id, key: row.key };
}
