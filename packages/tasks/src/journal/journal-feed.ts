import { selectJournalAfter, selectJournalEnd, type JournalPlace } from '@reeve/audit';
import type { TaskEvent } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { Signal } from '@reeve/kit';
import { catchUp, eventId, isAfter, placeOf, type Interest, type PlacedEvent } from './journal-page.ts';
import { startTail, type Reader, type Tail } from './journal-tail.ts';
import { selectTask } from '../queue/store/read.ts';
import { hasEnded } from '../queue/task.ts';

/*
 * How readers follow a tenant's journal.
 *
 * An entry's place is (xid, position): the transaction that wrote it, and its number. Numbers are drawn before the
 * commit, so in the order of numbers alone an entry can appear behind a reader that has gone on. Transactions too can
 * commit in any order, but each of those below the oldest one in progress (`pg_snapshot_xmin`) has ended for good:
 * their entries are settled. Readers take settled entries only, in the order of places, and so see each exactly once,
 * from any process, wherever they begin. The price: an entry waits for the longest writing transaction that was open
 * beside its own in this database; one of another database of the server holds it up for a moment only.
 *
 *   reader:  behind ──read up to the tail's place──► with the tail ──fell too far back──► behind
 *
 * The readers of a tenant share one tail, which reads for all of them and hands each what interests it. A reader that
 * comes with an older place, or takes its events too slowly, reads by itself up to the place where the tail is, while the
 * tail keeps for it what comes after that place. A tail exists while it has readers.
 */
export interface JournalFeed extends AsyncDisposable {
  /** The id of the present: what is not settled yet and all that happens from now on comes after it. */
  now(): Promise<string>;
  /**
   * The events of a tenant after an id (without one: from now on), in their order, until the signal aborts or the feed
   * is disposed of. Of one task: from its first entry until it has ended.
   */
  follow(options: FollowOptions): AsyncGenerator<TaskEvent, void>;
}

export interface FollowOptions extends Interest {
  readonly tenantId: string;
  readonly after?: string | undefined;
  readonly signal: AbortSignal;
}

const START: JournalPlace = { xid: 0n, position: 0n };
const LOOK_MS = 60_000;

/** Reads the journal for as long as somebody follows it; wakes on `reeve_journal`, and looks every minute besides. */
export function createJournalFeed(database: Database): JournalFeed {
  const tails = new Map<string, Tail>();
  const running = new Set<Tail>();
  const stopListening = database.listen('reeve_journal', (tenantId) => {
    if (tenantId === null) for (const tail of tails.values()) tail.wake.raise();
    else tails.get(tenantId)?.wake.raise();
  });

  return {
    now: async () => eventId(await selectJournalEnd(database.db)),
    async *follow({ tenantId, after, signal, ...interest }) {
      const reader: Reader = { interest, wake: new Signal(), kept: [], behind: true };
      const tail = tails.get(tenantId) ?? begin(tenantId);
      tail.readers.add(reader);
      const over = AbortSignal.any([signal, tail.ended]);
      try {
        await tail.ready;
        const first = interest.taskId === undefined ? tail.place : START;
        const from = after === undefined ? first : placeOf(after);
        for await (const { event } of eventsAfter(from, tail, reader, over)) yield event;
        if (tail.failure !== undefined && !signal.aborted) throw tail.failure;
      } finally {
        tail.readers.delete(reader);
        if (tail.readers.size === 0) tail.stop();
      }
    },
    async [Symbol.asyncDispose]() {
      stopListening();
      for (const tail of running) tail.stop();
      await Promise.all([...running].map(({ done }) => done));
    },
  };

  function begin(tenantId: string): Tail {
    const tail = startTail(database, tenantId);
    tails.set(tenantId, tail);
    running.add(tail);
    tail.ended.addEventListener('abort', () => {
      if (tails.get(tenantId) === tail) tails.delete(tenantId);
    });
    void tail.done.then(() => running.delete(tail));
    return tail;
  }

  async function* eventsAfter(
    from: JournalPlace,
    tail: Tail,
    reader: Reader,
    over: AbortSignal,
  ): AsyncGenerator<PlacedEvent, void> {
    const { taskId } = reader.interest;
    let last = from;
    let mayBeOver = taskId !== undefined;
    while (!over.aborted) {
      if (reader.behind) {
        reader.behind = false;
        reader.kept = [];
        const pages = catchUp(database, tail.tenantId, { after: last, until: tail.place }, reader.interest);
        for await (const { events, end } of pages) {
          for (const event of events) {
            if (over.aborted) return;
            yield event;
          }
          last = end;
        }
        mayBeOver = taskId !== undefined;
        continue;
      }
      const next = reader.kept.shift();
      if (next !== undefined) {
        if (!isAfter(next, last)) continue;
        last = next;
        yield next;
        const { task } = next.event;
        mayBeOver = taskId !== undefined && (task === null || hasEnded(task.status));
        continue;
      }
      if (mayBeOver && (await isOver(database, tail.tenantId, taskId!, last))) return;
      mayBeOver = false;
      await reader.wake.wait(LOOK_MS, over);
    }
  }
}

/** Whether a task has ended and nothing was written of it after that place, settled or not. */
async function isOver(database: Database, tenantId: string, taskId: string, after: JournalPlace): Promise<boolean> {
  return inTenant(database.db, tenantId, async (tx) => {
    const task = await selectTask(tx, tenantId, taskId);
    if (task !== undefined && !hasEnded(task.status)) return false;
    return (await selectJournalAfter(tx, tenantId, after, { taskId, limit: 1 })).length === 0;
  });
}
