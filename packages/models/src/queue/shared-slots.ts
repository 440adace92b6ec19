import { ReeveError, type Log } from '@reeve/kit';
import { qualifiedName } from '../model-name.ts';
import type { CalledModel } from '../targets.ts';
import type { SlotLease, SlotStore, SlotUse } from '@reeve/limits';

/*
 * This process's lease of a model's slots:
 *
 *   none ──a call comes──► renewing ──► leased ──heartbeat──► leased …
 *                                         ├──idle for a while──► given back
 *                                         └──the store fails until the lease ends──► expired: no call is sent
 *
 * A process alone leases the whole limit and renews only by heartbeat, so that a call costs no round trip. Beside others it
 * renews as soon as it wants more than it has, or has more than it uses.
 */

/** The capacity of a model in this process. */
export interface SharedSlots {
  /** Calls that may be in flight here now. */
  capacity(): number;
  /** To be called after calls began to wait, started or ended. */
  update(): void;
  /** Calls that other processes may have in flight. */
  elsewhere(): number;
}

export interface SharedSlotsOptions {
  readonly store: SlotStore;
  readonly model: CalledModel;
  readonly current: () => SlotUse;
  /** Called after every renewal. */
  readonly onRenewed: (lease: SlotLease) => void;
  readonly log: Log;
}

const HEARTBEAT_MS = 1_000;
/** Between two renewals while processes compete. */
const CONTENDED_MS = 200;
const IDLE_MS = 3_000;

export function createSharedSlots({ store, model, current, onRenewed, log }: SharedSlotsOptions): SharedSlots {
  let lease: (SlotLease & { readonly endsAt: number }) | undefined;
  let renewing = false;
  let timer: NodeJS.Timeout | undefined;
  let dueAt = Number.POSITIVE_INFINITY;
  let renewedAt = Number.NEGATIVE_INFINITY;
  let busyAt = 0;

  function capacity(): number {
    if (lease === undefined || performance.now() >= lease.endsAt) return 0;
    return Math.min(lease.slots, current().limit);
  }
  function schedule(at: number): void {
    if (at >= dueAt) return;
    dueAt = at;
    clearTimeout(timer);
    timer = setTimeout(() => void renew(), Math.max(0, at - performance.now())).unref();
  }
  async function renew(): Promise<void> {
    if (renewing) return;
    renewing = true;
    dueAt = Number.POSITIVE_INFINITY;
    clearTimeout(timer);
    const askedAt = performance.now();
    const { wanted } = current();
    if (wanted > 0) busyAt = askedAt;
    const isIdle = askedAt - busyAt > IDLE_MS;
    try {
      if (isIdle) {
        lease = undefined;
        await store.release(model);
      } else {
        const renewed = await store.renew(model, current());
        lease = { ...renewed, endsAt: askedAt + renewed.durationMs };
        onRenewed(renewed);
      }
    } catch (error) {
      if (ReeveError.from(error).reason === 'shutting_down') return;
      log.warn({ err: error, model: qualifiedName(model) }, 'the slots of a model could not be leased; trying again');
    } finally {
      renewing = false;
      renewedAt = performance.now();
    }
    if (!isIdle || current().wanted > 0) schedule(renewedAt + HEARTBEAT_MS);
    update();
  }
  function update(): void {
    if (renewing) return;
    const { running, wanted, limit } = current();
    const isShort =
      wanted > running && running >= capacity() && !(lease?.isAlone === true && lease.slots >= limit && capacity() > 0);
    const isUnused = lease !== undefined && !lease.isAlone && running !== lease.slots;
    if (isShort || isUnused) schedule(renewedAt + CONTENDED_MS);
  }
  return { capacity, update, elsewhere: () => lease?.elsewhere ?? 0 };
}
