import { recordJournal } from '@reeve/audit';
import type { Tx } from '@reeve/db';
import type { PostCommitEffects } from './post-commit-effects.ts';
import { lockTasks, type TaskSchedulingState } from './store/lock.ts';
import { insertReady } from './store/ready.ts';
import { deleteSlot, insertSlot, selectHolders, selectNext } from './store/slot.ts';

/** Makes tasks claimable. */
export async function makeReady(
  tx: Tx,
  tasks: readonly TaskSchedulingState[],
  effects: PostCommitEffects,
): Promise<void> {
  if (tasks.length === 0) return;
  await insertReady(tx, tasks);
  effects.claimable = true;
  for (const { tenantId } of tasks) effects.journals.add(tenantId);
  await recordJournal(
    tx,
    tasks.map(({ id, tenantId, agentId }) => ({
      tenantId,
      type: 'task_ready',
      agentId,
      taskId: id,
      summary: 'waits for a worker',
    })),
  );
}

/** Most waiters of a key that are looked at: when one of them ends, the search goes on behind it. */
const LOOKED_AT = 50;

/** Passes the concurrency slot of a task to the next waiters for its key. The caller has locked the key. */
export async function freeSlot(tx: Tx, taskId: string, effects: PostCommitEffects): Promise<void> {
  const slot = await deleteSlot(tx, taskId);
  if (slot === undefined) return;
  let holders = (await selectHolders(tx, slot.tenantId, slot.key)).length;
  for (const waiting of await selectNext(tx, slot.tenantId, slot.key, LOOKED_AT)) {
    const [task] = await lockTasks(tx, [waiting]);
    if (task === undefined || task.status !== 'pending') continue;
    if (holders >= task.concurrencyLimit) return;
    holders += 1;
    await insertSlot(tx, task, slot.key, true);
    await makeReady(tx, [task], effects);
  }
}
