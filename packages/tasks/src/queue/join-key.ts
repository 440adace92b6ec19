import type { Tx } from '@reeve/db';
import { lockTasks } from './store/lock.ts';
import { insertSlot, lockKeys, updateKey } from './store/slot.ts';

/**
 * Gives tasks that have no concurrency key one, as if they had begun with it: those that have not ended hold a place of it. For
 * work that turns out only later to be in the way of other work.
 */
export async function joinKey(tx: Tx, tenantId: string, key: string, taskIds: readonly string[]): Promise<void> {
  await lockKeys(tx, tenantId, [key]);
  for (const task of await lockTasks(tx, taskIds)) {
    if (task.tenantId !== tenantId || task.status !== 'pending' || task.concurrencyKey !== null) continue;
    await updateKey(tx, task.id, key);
    await insertSlot(tx, task, key, true);
  }
}
