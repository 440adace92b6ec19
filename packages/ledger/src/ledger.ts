import { isTransient, persist, type Database } from '@reeve/db';
import { newId, type Log } from '@reeve/kit';
import { bookingOf, type Booking } from './booking.ts';
import { endedCall, HOLD_MS, newCall } from './call.ts';
import type { CallEnd, CallLedger, CallOwner } from './metering.ts';
import type { EndedCall } from './store/book.ts';

/** How long a settle waits for a database that is gone; then it is left to the sweep. */
const PATIENCE_MS = 30_000;

/** What is written down of an attempt that was never sent. */
const NOT_SENT: CallEnd = {
  outcome: 'unavailable',
  usage: { input: 0, output: 0, cached: 0, reasoning: 0 },
  estimated: false,
  firstTokenMs: null,
  latencyMs: 0,
};

/**
 * The ledger for one owner's calls. Unless another `booking` is given, begins and settles commit by themselves, those of the same
 * moment together, so it may be used beside a transaction and must not be used inside one. Settling never fails: where the
 * database stays away for longer than half a minute, the sweep settles the call later at all that it had reserved.
 */
export function createLedger(
  database: Database,
  owner: CallOwner,
  log: Log,
  booking: Booking = bookingOf(database),
): CallLedger {
  const settle = (id: string, end: CallEnd) => settleWith(booking, endedCall(owner.tenantId, id, end), log);

  return {
    async begin(attempt) {
      const id = newId();
      try {
        await booking.begin(newCall(id, owner, attempt, HOLD_MS));
      } catch (error) {
        // Where the answer was lost the reservation may have been made, for a call that now is not sent.
        if (isTransient(error)) await settle(id, NOT_SENT);
        throw error;
      }
      let settled: Promise<void> | undefined;
      return { settle: (end) => (settled ??= settle(id, end)) };
    },
  };
}

/** Settles calls whose ends another booking has not written. Never fails, as above. */
export async function settleEnds(database: Database, ends: readonly EndedCall[], log: Log): Promise<void> {
  await Promise.all(ends.map((call) => settleWith(bookingOf(database), call, log)));
}

async function settleWith(booking: Booking, call: EndedCall, log: Log): Promise<void> {
  try {
    await persist(PATIENCE_MS, () => booking.settle(call));
  } catch (error) {
    log.error({ err: error, call_id: call.id }, 'a model call could not be settled; the sweep will');
  }
}
