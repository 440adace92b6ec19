import type { Database } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import { deleteSlots, lockSlots, upsertSlots } from '../store/model-slot.ts';
import { allotSlots } from './allot.ts';
import type { SlotStore } from './slot-store.ts';

/** How long a lease lasts without a renewal: after a crash its slots are free again. */
const LEASE_MS = 10_000;
/** How long a process keeps a slot that others want as well. */
const TURN_MS = 2_000;

/**
 * Shares the slots of models between the processes on one database, in leases that end by the database's clock. The first
 * process by its id learns a limit that is not known, and the others follow it. Disposing gives all leases back.
 */
export function createModelSlotStore(
  { db }: Pick<Database, 'db'>,
  processId: string,
  { leaseMs = LEASE_MS, turnMs = TURN_MS }: { readonly leaseMs?: number; readonly turnMs?: number } = {},
): SlotStore & AsyncDisposable {
  const underWay = new Set<Promise<unknown>>();
  let stopped = false;
  /** Nothing reaches the database once disposing has begun. */
  async function whileOpen<T>(work: () => Promise<T>): Promise<T> {
    if (stopped) throw new ReeveError('shutting_down', 'this process is stopping');
    const promise = work();
    underWay.add(promise);
    try {
      return await promise;
    } finally {
      underWay.delete(promise);
    }
  }
  return {
    renew: ({ provider, model }, { running, wanted, limit, isLearnt }) =>
      whileOpen(() =>
        db.transaction().execute(async (tx) => {
          const { rows, nowMs } = await lockSlots(tx, provider, model);
          const others = rows.filter((row) => row.process_id !== processId);
          const [first] = others;
          const follows =
            isLearnt && first !== undefined && first.learnt_limit !== null && first.process_id < processId;
          const follow = follows ? first.learnt_limit! : undefined;
          const users = others.map((row) => ({ processId: row.process_id, leased: row.slots, wanted: row.wanted }));
          const leasedBefore = rows.find((row) => row.process_id === processId)?.slots ?? 0;
          const own = { processId, leased: leasedBefore, wanted, running };
          const { slots, leased } = allotSlots(follow ?? limit, own, users, Math.floor(nowMs / turnMs));
          const learnt = isLearnt ? (follow ?? limit) : null;
          await upsertSlots(
            tx,
            provider,
            model,
            { process_id: processId, slots: leased, wanted, learnt_limit: learnt },
            leaseMs,
          );
          const elsewhere = users.reduce((sum, user) => sum + user.leased, 0);
          return { slots, elsewhere, isAlone: others.length === 0, follow, durationMs: leaseMs };
        }),
      ),
    release: (model) => whileOpen(() => deleteSlots(db, processId, model)),
    async [Symbol.asyncDispose]() {
      stopped = true;
      await Promise.allSettled(underWay);
      await deleteSlots(db, processId);
    },
  };
}
