import { selectJournalAfter, selectJournalEnd, type JournalPlace } from '@reeve/audit';
import { inTenant, isTransient, type Database } from '@reeve/db';
import { ReeveError, Signal, sleep } from '@reeve/kit';
import { concerns, eventsOf, PAGE, type Interest, type PlacedEvent } from './journal-page.ts';

/** One that follows a tenant's journal. While it is not behind, the tail keeps for it what comes after the tail's place. */
export interface Reader {
  readonly interest: Interest;
  readonly wake: Signal;
  kept: PlacedEvent[];
  behind: boolean;
}

/** Reads the newest of a tenant's journal once for all its readers, from when it starts until it is stopped. */
export interface Tail {
  readonly tenantId: string;
  readonly readers: Set<Reader>;
  /** Raised where there may be something new. */
  readonly wake: Signal;
  /** Everything up to here was handed to the readers; settled. Known once `ready`. */
  readonly place: JournalPlace;
  /** What ended it where it was not stopped. */
  readonly failure: ReeveError | undefined;
  readonly ready: Promise<void>;
  readonly ended: AbortSignal;
  readonly done: Promise<void>;
  stop(): void;
}

/** A reader that leaves this many events unread reads the journal by itself. */
const KEPT_LIMIT = 500;
/** At most one read in this time. */
const READ_MS = 15;
const POLL_MS = 5_000;
/** How long it waits for what is not settled: twice as long each time. */
const UNSETTLED_MS = { first: READ_MS, most: 250 };
/** What has waited so long may wait for a transaction that has nothing to do with it. */
const LOOKS_CLOSER_MS = 120;
const LOST_MS = 1_000;

/** Starts to read; a database that is lost for a while is waited for. */
export function startTail(database: Database, tenantId: string): Tail {
  const ended = new AbortController();
  const { promise: ready, resolve: setReady } = Promise.withResolvers<void>();
  const tail = {
    tenantId,
    readers: new Set<Reader>(),
    wake: new Signal(),
    place: { xid: 0n, position: 0n } as JournalPlace,
    failure: undefined as ReeveError | undefined,
    ready,
    ended: ended.signal,
    done: Promise.resolve(),
    stop: () => ended.abort(),
  };
  tail.done = run().catch((error: unknown) => {
    tail.failure = ReeveError.from(error);
    ended.abort();
    setReady();
  });
  return tail;

  async function run(): Promise<void> {
    tail.place = await selectJournalEnd(database.db);
    setReady();
    let unsettledMs = UNSETTLED_MS.first;
    while (!ended.signal.aborted) {
      const readAt = performance.now();
      const { full, unsettled, went } = await readOn(unsettledMs >= LOOKS_CLOSER_MS);
      unsettledMs = unsettled && !went ? Math.min(unsettledMs * 2, UNSETTLED_MS.most) : UNSETTLED_MS.first;
      if (!full) await tail.wake.wait(unsettled ? unsettledMs : POLL_MS, ended.signal);
      await sleep(Math.max(0, readAt + READ_MS - performance.now()), ended.signal);
    }
  }

  /** Reads one page and hands it out; `went`: there was something final. */
  async function readOn(looksCloser: boolean): Promise<{ full: boolean; unsettled: boolean; went: boolean }> {
    const asked = new Set(tail.readers);
    try {
      const { settled, events, full, unsettled } = await inTenant(database.db, tenantId, async (tx) => {
        const found = await selectJournalAfter(tx, tenantId, tail.place, { limit: PAGE, looksCloser });
        const final = found.filter((one) => one.settled);
        const interests = [...asked].map(({ interest }) => interest);
        return {
          settled: final,
          events: await eventsOf(tx, final, interests),
          full: final.length === PAGE,
          unsettled: final.length < found.length,
        };
      });
      const last = settled.at(-1);
      if (last !== undefined) {
        tail.place = last;
        for (const reader of tail.readers) {
          if (asked.has(reader)) hand(reader, events);
          else leaveBehind(reader);
        }
      }
      return { full, unsettled, went: last !== undefined };
    } catch (error) {
      if (!isTransient(error)) throw error;
      await sleep(LOST_MS, ended.signal);
      return { full: true, unsettled: false, went: false };
    }
  }
}

function hand(reader: Reader, events: readonly PlacedEvent[]): void {
  if (reader.behind) return;
  const wanted = events.filter(({ event }) => concerns(event, reader.interest));
  if (wanted.length === 0) return;
  if (reader.kept.length + wanted.length > KEPT_LIMIT) return leaveBehind(reader);
  reader.kept.push(...wanted);
  reader.wake.raise();
}

/** It came while the page was read, or has not taken what it was given: it reads by itself what it lacks. */
function leaveBehind(reader: Reader): void {
  reader.kept = [];
  reader.behind = true;
  reader.wake.raise();
}
