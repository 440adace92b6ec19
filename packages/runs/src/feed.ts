import type { RunEvent } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import { ReeveError, Signal } from '@reeve/kit';
import { selectEvents } from './store/event.ts';
import { selectRunRecord } from './store/run.ts';

/*
 * How readers follow event logs. The log is the table; this only wakes them. A reader in the process that writes is
 * handed the committed events; one elsewhere hears a notification and reads the table; one that heard nothing looks
 * every few seconds. Whatever way events come, a reader takes only the next number, so none is missed or seen twice.
 */
export interface Feed extends Disposable {
  /** Hands committed events to readers here and wakes those elsewhere. */
  publish(runId: string, events: readonly RunEvent[]): void;
  /**
   * The events of a run after a number, in order, until its `session_end`. Throws `not_found`. Returns early when
   * the signal aborts.
   */
  follow(tenantId: string, runId: string, after: number, signal: AbortSignal): AsyncGenerator<RunEvent, void>;
}

interface Reader {
  readonly wake: Signal;
  handed: RunEvent[];
  /** Number of the last event that it was handed or has read. */
  known: number;
}

const PAGE = 500;
const POLL_MS = 5_000;
/** A reader slower than this many events reads the table instead. */
const HANDED_LIMIT = 2_000;

export function createFeed(database: Database): Feed {
  const readers = new Map<string, Set<Reader>>();
  const stop = database.listen('reeve_runs', (payload) => {
    const [runId = '', seq = 'Infinity'] = (payload ?? '').split(' ');
    const woken = payload === null ? [...readers.values()].flatMap((set) => [...set]) : (readers.get(runId) ?? []);
    for (const reader of woken) if (payload === null || reader.known < Number(seq)) reader.wake.raise();
  });

  return {
    publish(runId, events) {
      const last = events.at(-1)?.seq;
      if (last === undefined) return;
      for (const reader of readers.get(runId) ?? []) {
        if (reader.handed.length < HANDED_LIMIT) {
          reader.handed.push(...events);
          reader.known = Math.max(reader.known, last);
        }
        reader.wake.raise();
      }
      database.notify('reeve_runs', `${runId} ${last}`);
    },
    async *follow(tenantId, runId, after, signal) {
      const reader: Reader = { wake: new Signal(), handed: [], known: after };
      const set = readers.get(runId) ?? new Set();
      readers.set(runId, set.add(reader));
      try {
        let last = after;
        let look = true;
        const read = (isFirst: boolean) =>
          inTenant(database.db, tenantId, async (tx) => {
            if (isFirst) await requireRun(tx, tenantId, runId);
            return selectEvents(tx, tenantId, runId, last, PAGE);
          });
        for (let isFirst = true; !signal.aborted; isFirst = false) {
          const events = look ? await read(isFirst) : take(reader, last);
          for (const event of events) {
            if (event.seq <= last) continue;
            last = event.seq;
            reader.known = Math.max(reader.known, last);
            yield event;
            if (event.type === 'session_end' && (await hasEnded(database, tenantId, runId, last))) return;
          }
          reader.handed = reader.handed.filter(({ seq }) => seq > last);
          if (events.length >= PAGE) continue;
          if (look && events.length === 0 && (await hasEnded(database, tenantId, runId, last))) return;
          const wokenAt = performance.now();
          await reader.wake.wait(POLL_MS, signal);
          look = take(reader, last, false).length === 0 || performance.now() - wokenAt >= POLL_MS;
        }
      } finally {
        set.delete(reader);
        if (set.size === 0) readers.delete(runId);
      }
    },
    [Symbol.dispose]: stop,
  };
}

/** The events that were handed over and follow right after `last`. */
function take(reader: Reader, last: number, remove = true): RunEvent[] {
  const next: RunEvent[] = [];
  for (const event of reader.handed) if (event.seq === last + next.length + 1) next.push(event);
  if (remove) reader.handed = [];
  return next;
}

/**
 * A retried run goes on after its `session_end`: the log has ended only where the run has. The status is read first, since
 * a run that ends between the two reads has more events than were seen.
 */
async function hasEnded(database: Database, tenantId: string, runId: string, last: number): Promise<boolean> {
  return inTenant(database.db, tenantId, async (tx) => {
    const run = await selectRunRecord(tx, tenantId, { id: runId });
    if (run?.status === 'running' || run?.status === 'queued') return false;
    return (await selectEvents(tx, tenantId, runId, last, 1)).length === 0;
  });
}

async function requireRun(tx: Tx, tenantId: string, runId: string): Promise<void> {
  const run = await selectRunRecord(tx, tenantId, { id: runId });
  if (run === undefined) throw new ReeveError('not_found', `there is no run ${runId}`);
}
