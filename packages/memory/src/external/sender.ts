import { randomUUID } from 'node:crypto';
import { inTenant, startRounds, type Database, type Db, type RoundOptions } from '@reeve/db';
import { ReeveError, type Log } from '@reeve/kit';
import type { ExternalMemory } from './client.ts';
import { deliver, takeDeliveries, type Delivery } from './deliver.ts';
import { countTold, showPending } from './instruments.ts';
import { createOutage } from './outage.ts';
import { countPending, hurryFailed, insertUnnoted, updateFailed, type PendingMemory } from './store.ts';
import {
  adoptStore,
  awaitWriters,
  holdStore,
  releaseStore,
  selectUnadopted,
  selectUnfilled,
  selectWaiting,
  updateFilled,
  type WaitingTenant,
} from './stores.ts';

/*
 * One process's share in telling an external backend what becomes of memories, behind the commits.
 *
 *   asleep ──the journal has news, five seconds──► deliveries until nothing is due ──pause──► asleep
 *   a tenant's store: free ──hold, a minute──► ours, some deliveries at once ──nothing due, the backend is down──► free
 *   the backend: up ──► down ──► up, and what it missed is due at once (outage.ts)
 *
 * Any number may run: a tenant is one's at a time, so that what is told of a memory arrives in its order. One that dies loses nothing:
 * what it was at is pending, and told again.
 */

/** Longer than the three requests that a delivery may take. */
const HOLD_MS = 60_000;
/** Deliveries at once. */
const AT_ONCE = 4;
/** Turns of a tenant before the next has one. */
const TURNS = 16;
const FIRST_REST_MS = 1_000;
/** Memories that are noted in one transaction. */
const BATCH = 1_000;

export interface SenderOptions extends RoundOptions {
  readonly holdMs?: number;
  /** After a first failure; each further one in a row doubles it. */
  readonly restMs?: number;
}

/** How telling the backend goes, in this process. */
export interface SenderState {
  /** The backend is failing while deliveries are pending. */
  isBehind(): boolean;
}

/** Delivers changes of memories to a backend in the background, until disposed. */
export function startExternalSender(
  database: Database,
  backend: ExternalMemory,
  log: Log,
  options: SenderOptions = {},
): AsyncDisposable & SenderState {
  const { round, isBehind } = createExternalSender(database, backend, log, options);
  return Object.assign(startRounds(database, log, { name: 'the external memory', round }, options), { isBehind });
}

/** The state of a process between rounds. */
export interface ExternalSender extends SenderState {
  /** Delivers everything that is due. Rejects if the database fails. */
  round(signal: AbortSignal): Promise<void>;
}

export function createExternalSender(
  { db }: Pick<Database, 'db'>,
  backend: ExternalMemory,
  log: Log,
  { holdMs = HOLD_MS, restMs = FIRST_REST_MS }: SenderOptions = {},
): ExternalSender {
  const { target } = backend;
  const self = { holder: randomUUID(), target, holdMs };
  const outage = createOutage(restMs);
  let pendingCount = 0;
  /** When each tenant was last served, so that none is repeated while the backend is down. */
  const served = new Map<string, number>();
  const decided = new Set<string>();

  /** The process that was started last decides: each decides once for a tenant, when it first sees it. */
  async function decide(): Promise<void> {
    for (const tenantId of await selectUnadopted(db, target)) {
      if (decided.has(tenantId)) continue;
      await inTenant(db, tenantId, (tx) => adoptStore(tx, tenantId, target));
      decided.add(tenantId);
    }
  }

  async function send(tenantId: string, delivery: Delivery, signal: AbortSignal): Promise<void> {
    try {
      if (await deliver(db, backend, tenantId, delivery, signal)) await answered();
    } catch (error) {
      if (signal.aborted) return;
      // Only database errors are thrown here; the backend's failures are results.
      if (!(error instanceof ReeveError)) throw error;
      await failed(tenantId, delivery.pending, error);
    }
  }

  async function answered(): Promise<void> {
    const missed = outage.answered();
    if (missed.length === 0) return;
    log.info({ backend: backend.name }, 'the external memory takes what it missed');
    await hurryFailed(db, missed);
  }

  async function failed(tenantId: string, pending: PendingMemory, error: ReeveError): Promise<void> {
    const { id, attempts } = pending;
    const { reason, retryAfterMs = 0 } = error;
    countTold(reason);
    // A rejected memory says nothing about the backend's health.
    if (reason !== 'invalid_request' && outage.failed(id, attempts))
      log.warn({ err: error, backend: backend.name }, 'the external memory is down; it catches up later');
    const waitMs = Math.max(outage.waitMs(attempts), retryAfterMs);
    await inTenant(db, tenantId, (tx) => updateFailed(tx, pending, waitMs));
    const about = { err: error, tenant_id: tenantId, memory: id, attempts: attempts + 1 };
    if (!outage.isDown()) log.warn(about, 'a memory could not be sent to the external memory; it is sent again later');
  }

  /** Answers whether anything was tried. */
  async function serve(tenantId: string, signal: AbortSignal): Promise<boolean> {
    let isTried = false;
    served.set(tenantId, performance.now());
    try {
      for (let turn = 0; turn < TURNS && !signal.aborted && !outage.isResting(); turn += 1) {
        if (!(await holdStore(db, tenantId, self))) break;
        // A backend that is down is tried with one memory, the newest, in case older ones cause the failure.
        const wanted = outage.isDown() ? ({ limit: 1, first: 'newest' } as const) : { limit: AT_ONCE };
        const deliveries = await takeDeliveries(db, tenantId, wanted);
        if (deliveries.length === 0) break;
        isTried = true;
        const ends = await Promise.allSettled(deliveries.map((delivery) => send(tenantId, delivery, signal)));
        for (const end of ends) if (end.status === 'rejected') throw end.reason;
        // Those that failed before may take long to fail again: others are not to wait for all of them.
        if (deliveries.every(({ pending }) => pending.attempts > 0)) break;
      }
    } finally {
      await releaseStore(db, tenantId, self);
    }
    return isTried;
  }

  return {
    isBehind: () => outage.isFailing() && pendingCount > 0,
    async round(signal) {
      await decide();
      await fillStores(db, target, signal);
      for (let isMore = true; isMore && !signal.aborted && !outage.isResting();) {
        isMore = false;
        for (const { tenantId } of inTurn(await selectWaiting(db, target), served))
          if (!signal.aborted && !outage.isResting() && (await serve(tenantId, signal))) isMore = true;
      }
      pendingCount = await countPending(db, target);
      showPending(pendingCount);
    },
  };
}

/** Those with something that has not failed yet first, and of these the one that had no turn for longest. */
function inTurn(waiting: readonly WaitingTenant[], served: ReadonlyMap<string, number>): WaitingTenant[] {
  const last = ({ tenantId }: WaitingTenant) => served.get(tenantId) ?? 0;
  return waiting.toSorted((one, other) => Number(other.isFresh) - Number(one.isFresh) || last(one) - last(other));
}

/** Notes what was remembered before there was a backend; the next time, where somebody writes for long. */
async function fillStores(db: Db, target: string, signal: AbortSignal): Promise<void> {
  const tenants = await selectUnfilled(db, target);
  if (tenants.length === 0 || !(await awaitWriters(db))) return;
  for (const tenantId of tenants) {
    let last: string | undefined;
    do {
      if (signal.aborted) return;
      last = await inTenant(db, tenantId, (tx) => insertUnnoted(tx, tenantId, last, BATCH));
    } while (last !== undefined);
    await inTenant(db, tenantId, (tx) => updateFilled(tx, tenantId));
  }
}
