import { isDeadlock, mayPass, type Database } from '@reeve/db';
import { createBatcher, type ReeveError } from '@reeve/kit';
import { refusalOfCall } from './call.ts';
import { bookCalls, bookedOf, type BookRow, type EndedCall, type NewCall } from './store/book.ts';

/*
 * The ledger's writes of one process. Calls that begin and calls that end while others commit share the next commit: many calls
 * at once cost few statements and few waits for the disk. What the calls of a batch need is reserved as one sum, or not at all;
 * where there is no room for all of it each is tried by itself, so that every budget is used up to what fits.
 */

/** Writes calls down; both resolve once that has committed. */
export interface Booking {
  /** Throws `budget_exhausted`, having written nothing. */
  begin(call: NewCall): Promise<void>;
  /** Does nothing to a call that is settled already. */
  settle(call: EndedCall): Promise<void>;
}

/** Most entries that share a commit. */
const TOGETHER = 400;

const known = new WeakMap<Database, Booking>();

/** The booking of a database: one for the process, whoever asks for it. */
export function bookingOf(database: Database): Booking {
  const booking = known.get(database) ?? createBooking(database);
  known.set(database, booking);
  return booking;
}

/** Why the one call that was to begin may not, by what `bookStatement` answered, with nothing written of it: `budget_exhausted`. */
export function refusalOf(begins: NewCall, answer: readonly unknown[]): ReeveError | undefined {
  const { full } = bookedOf(answer as readonly BookRow[]);
  return full.length > 0 ? refusalOfCall(begins, full) : undefined;
}

function createBooking({ queue }: Database): Booking {
  const book = createBatcher<Entry, Refusal | undefined>(
    async (entries) => {
      const begun = entries.flatMap(({ begun: call }) => call ?? []);
      const ended = entries.flatMap(({ ended: call }) => call ?? []);
      const { full } = await bookCalls(queue, begun, ended);
      if (full.length === 0) return entries.map(() => undefined);
      if (begun.length === 1) return entries.map(({ begun: call }) => call && { error: refusalOfCall(call, full) });
      return Promise.all(entries.map(async ({ begun: call }) => call && beginAlone(call)));
    },
    { limit: TOGETHER, together: (error) => mayPass(error) && !isDeadlock(error) },
  );
  /** Never fails: what was written of the same batch must not be written again. */
  const beginAlone = (call: NewCall): Promise<Refusal | undefined> =>
    bookCalls(queue, [call], []).then(
      ({ full }) => (full.length === 0 ? undefined : { error: refusalOfCall(call, full) }),
      (error: unknown) => ({ error }),
    );
  return {
    async begin(call) {
      const refused = await book({ begun: call });
      if (refused !== undefined) throw refused.error;
    },
    settle: async (call) => void (await book({ ended: call })),
  };
}

/** A call that begins, or one that ends. */
interface Entry {
  readonly begun?: NewCall;
  readonly ended?: EndedCall;
}

/** Why a call did not begin. */
interface Refusal {
  readonly error: unknown;
}
