import { randomUUID } from 'node:crypto';
import { inTenant, type Database, type Db } from '@reeve/db';
import { ReeveError, type Log } from '@reeve/kit';
import { startRounds, type RoundOptions } from '../rounds.ts';
import type { ExternalMemory } from './client.ts';
import { deliver, takeDeliveries, type Delivery } from './deliver.ts';
import { countTold, showPending } from './instruments.ts';
import { countPending, hurryFailed, insertUnnoted, updateFailed } from './store.ts';
import {
  adoptStore,
  awaitWriters,
  holdStore,
  releaseStore,
  selectUnadopted,
  selectUnfilled,
  selectWaiting,
  updateFilled,
} from './stores.ts';

/*
 * One process's share in telling an external backend what becomes of memories, behind the commits.
 *
 *   asleep ──the journal has news, five seconds──► deliveries until nothing is due ──pause──► asleep
 *   a tenant's store: free ──hold, a minute──► ours, some deliveries at once ──nothing due, the backend is down──► free
 *   the backend: up ──faults in a row──► down: asked again after a rest, longer each time ──answers──► up, and all is due at once
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
/** Faults in a row after which the backend is down. */
const THRESHOLD = 4;
const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 60_000;
const LONGEST_WAIT_MS = 300_000;
/** Memories that are noted in one transaction. */
const BATCH = 1_000;

export interface SenderOptions extends RoundOptions {
  readonly holdMs?: number;
  /** After a first failure; each further one in a row doubles it. */
  readonly restMs?: number;
}

/** Tells a backend what becomes of memories in the background, until disposed. */
export function startExternalSender(
  database: Database,
  backend: ExternalMemory,
  log: Log,
  options: SenderOptions = {},
): AsyncDisposable {
  const { round } = createExternalSender(database, backend, log, options);
  return startRounds(database, log, { name: 'the external memory', round }, options);
}

/** What a process knows between rounds. */
export interface ExternalSender {
  /** Does all that can be done now. Rejects where the database fails. */
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
  let faults = 0;
  let restUntil = 0;
  const isDown = () => faults >= THRESHOLD;
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
    const { pending } = delivery;
    try {
      await deliver(db, backend, tenantId, delivery, signal);
      if (isDown()) {
        log.info({ backend: backend.name }, 'the external memory takes what it missed');
        await inTenant(db, tenantId, (tx) => hurryFailed(tx, tenantId));
      }
      faults = 0;
    } catch (error) {
      if (signal.aborted) return;
      const { reason, retryAfterMs = 0 } = ReeveError.from(error);
      // What it does not take says nothing of how it does.
      if (reason !== 'invalid_request') faults += 1;
      countTold(reason);
      const waitMs = backoff(restMs, pending.attempts, LONGEST_WAIT_MS);
      await inTenant(db, tenantId, (tx) => updateFailed(tx, pending.id, Math.max(waitMs, retryAfterMs)));
      const about = { err: error, tenant_id: tenantId, memory: pending.id, attempts: pending.attempts + 1 };
      if (faults < THRESHOLD) log.warn(about, 'the external memory was not told of a memory; it will be again');
      else rest(faults - THRESHOLD, error);
    }
  }

  function rest(times: number, error: unknown): void {
    if (times === 0)
      log.warn({ err: error, backend: backend.name }, 'the external memory is down; it catches up later');
    restUntil = performance.now() + backoff(restMs, times, LONGEST_REST_MS);
  }

  /** Answers whether anything was tried. */
  async function serve(tenantId: string, signal: AbortSignal): Promise<boolean> {
    let isTried = false;
    try {
      for (let turn = 0; turn < TURNS && !signal.aborted && performance.now() >= restUntil; turn += 1) {
        if (!(await holdStore(db, tenantId, self))) break;
        // One that is down is asked with one memory, not with four.
        const deliveries = await takeDeliveries(db, tenantId, isDown() ? 1 : AT_ONCE);
        if (deliveries.length === 0) break;
        isTried = true;
        await Promise.all(deliveries.map((delivery) => send(tenantId, delivery, signal)));
      }
    } finally {
      await releaseStore(db, tenantId, self);
    }
    return isTried;
  }

  return {
    async round(signal) {
      await decide();
      await fillStores(db, target, signal);
      for (let isMore = true; isMore && !signal.aborted && performance.now() >= restUntil;) {
        isMore = false;
        for (const tenantId of await selectWaiting(db, target))
          if (!signal.aborted && (await serve(tenantId, signal))) isMore = true;
      }
      showPending(await countPending(db, target));
    },
  };
}

/** Notes what was remembered before there was a backend. */
async function fillStores(db: Db, target: string, signal: AbortSignal): Promise<void> {
  const tenants = await selectUnfilled(db, target);
  if (tenants.length > 0) await awaitWriters(db);
  for (const tenantId of tenants) {
    let last: string | undefined;
    do {
      if (signal.aborted) return;
      last = await inTenant(db, tenantId, (tx) => insertUnnoted(tx, tenantId, last, BATCH));
    } while (last !== undefined);
    await inTenant(db, tenantId, (tx) => updateFilled(tx, tenantId));
  }
}

function backoff(firstMs: number, times: number, longestMs: number): number {
  return Math.min(longestMs, firstMs * 2 ** Math.min(times, 20)) * (0.5 + Math.random() / 2);
}
