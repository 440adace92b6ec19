import { inTenant, mayPass, type Database } from '@reeve/db';
import type { OnRefused, Refused } from '@reeve/http';
import { Background, Signal, sleep, type Log } from '@reeve/kit';
import { recordAudit, type AuditEntry } from './record.ts';

/*
 * What was refused, told by the audit log off the request's path.
 *
 *   403:       refused ──► queue ──► row
 *   401, 429:  first of its kind ──► queue ──► row;   more of it ──counted──► a minute later one row with the count, or forgotten
 *
 * A kind is who asked (or, where nobody knows, from which address) for which route with which answer. Memory is bounded: beyond
 * so many kinds, and beyond so many rows that wait, refusals are only counted, by route and answer.
 */

export interface RefusalLog extends AsyncDisposable {
  /** Takes note of a refused call; never throws and never waits. */
  readonly onRefused: OnRefused;
}

export interface RefusalLogOptions {
  readonly database: Database;
  readonly log: Log;
  /** Whose log tells of callers that belong to no tenant. */
  readonly tenantOfNobody: string;
  /** Shorter in tests. */
  readonly windowMs?: number;
}

const WINDOW_MS = 60_000;
const MOST_KINDS = 1_000;
const MOST_WAITING = 5_000;
/** Rows that one transaction writes. */
const BATCH = 200;
const RETRY_MS = 1_000;

/** A kind of refusal that was met within the last minute. */
interface Kind {
  readonly entry: AuditEntry;
  readonly until: number;
  /** Those that no row tells of yet. */
  count: number;
}

/** Writes `CALL_DENIED` rows until disposed, which writes what is left if the database lets it. */
export function createRefusalLog({
  database,
  log,
  tenantOfNobody,
  windowMs = WINDOW_MS,
}: RefusalLogOptions): RefusalLog {
  const waiting: AuditEntry[] = [];
  const kinds = new Map<string, Kind>();
  const wake = new Signal();
  const stopping = new AbortController();
  const loop = new Background(log);

  function coalesce(refused: Refused, tenantId: string): void {
    const { error, route, principal, remoteAddress } = refused;
    const what = `${tenantId} ${error.status} ${route.method} ${route.path}`;
    const key = `${what} ${principal === undefined ? `from ${remoteAddress}` : `by ${principal.userId}`}`;
    const known = kinds.get(key);
    if (known !== undefined) known.count += 1;
    else if (kinds.size < MOST_KINDS) begin(key, entryOf(refused, tenantId), isRoomy() ? 1 : 0);
    else {
      const others = kinds.get(what);
      if (others !== undefined) others.count += 1;
      else begin(what, entryOf({ ...refused, principal: undefined, remoteAddress: undefined }, tenantId), 0);
    }
  }

  /** The first of a kind is told at once, where there is room; the others when its minute is over. */
  function begin(key: string, entry: AuditEntry, told: 0 | 1): void {
    kinds.set(key, { entry, until: performance.now() + windowMs, count: 1 - told });
    if (told === 1) waiting.push(entry);
  }

  const isRoomy = () => waiting.length < MOST_WAITING;

  /** Ends the minutes that are over; all of them where it stops. */
  function endWindows(all: boolean): void {
    for (const [key, { entry, until, count }] of kinds) {
      if (!all && (until > performance.now() || !isRoomy())) continue;
      kinds.delete(key);
      if (count === 0) continue;
      const told = { ...entry, details: { ...entry.details, count } };
      waiting.push(told);
      if (!all) kinds.set(key, { entry, until: performance.now() + windowMs, count: 0 });
    }
  }

  /** Writes what waits. What cannot be written for a while stays; what never can is given up. */
  async function write(): Promise<boolean> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH);
      const byTenant = Map.groupBy(batch, ({ tenantId }) => tenantId);
      for (const [tenantId, entries] of byTenant) {
        try {
          await inTenant(database.db, tenantId, (tx) => recordAudit(tx, entries));
        } catch (error) {
          if (mayPass(error)) {
            log.warn({ err: error }, 'refused calls could not be written to the audit log; trying again');
            return false;
          }
          log.error({ err: error, tenant_id: tenantId }, 'refused calls are missing in the audit log');
        }
        forget(entries);
      }
    }
    return true;
  }

  function forget(written: readonly AuditEntry[]): void {
    const done = new Set(written);
    let kept = 0;
    for (const entry of waiting) if (!done.has(entry)) waiting[kept++] = entry;
    waiting.length = kept;
  }

  loop.start('the log of refused calls', async () => {
    while (!stopping.signal.aborted) {
      endWindows(false);
      if (!(await write())) await sleep(RETRY_MS, stopping.signal);
      else await wake.wait(kinds.size > 0 ? windowMs / 4 : 2 ** 30, stopping.signal);
    }
  });

  return {
    onRefused(refused) {
      const tenantId = refused.principal?.tenantId || tenantOfNobody;
      coalesce(refused, tenantId);
      if (waiting.length > 0 || kinds.size === 1) wake.raise();
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await loop[Symbol.asyncDispose]();
      endWindows(true);
      if (!(await write())) log.error({ rows: waiting.length }, 'refused calls are missing in the audit log');
    },
  };
}

function entryOf({ error, principal, route, remoteAddress, context }: Refused, tenantId: string): AuditEntry {
  return {
    tenantId,
    actor: principal?.userId || 'nobody',
    action: 'CALL_DENIED',
    traceId: context.traceId,
    details: {
      status: error.status,
      code: error.reason,
      method: route.method,
      path: route.path,
      request_id: context.requestId,
      ...(principal !== undefined && { role: principal.role, via: principal.via }),
      ...(principal?.keyId !== undefined && { key_id: principal.keyId }),
      ...(remoteAddress !== undefined && { address: remoteAddress }),
    },
  };
}
