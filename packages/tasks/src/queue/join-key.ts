import type { Tx } from '@reeve/db';
import { lockTasks } from './store/lock.ts';
import { insertSlot, lockKeys, updateKey } from './store/slot.ts';

/**
 * Gives a concurrency key to tasks without one, as if they had been created with it: those that have not ended hold a slot. For work
 * that conflicts with other work only later.
 */
export async function joinKey(tx: Tx, tenantId: string, key: string, taskIds: readonly string[]): Promise<void> {
  await lockKeys(tx, tenantId, [key]);
  for (const task of await lockTasks(tx, taskIds)) {
    if (task.tenantId !== tenantId || task.status !== 'pending' || task.concurrencyKey !== null) continue;
    await updateKey(tx, task.id, key);
    await insertSlot(tx, task, key, true);
  }
}
