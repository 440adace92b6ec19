import { isTransient, persist, type Database } from '@reeve/db';
import { newId, type Log } from '@reeve/kit';
import { beginCallAs, HOLD_MS, settleCall } from './call.ts';
import type { CallEnd, CallLedger, CallOwner } from './metering.ts';

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
 * The ledger for one owner's calls. Each begin and each settle is one statement that commits by itself, so it may be used
 * beside a transaction and must not be used inside one. Settling never fails: where the database stays away for longer
 * than half a minute, the sweep settles the call later at all that it had reserved.
 */
export function createLedger(database: Database, owner: CallOwner, log: Log): CallLedger {
  async function settle(id: string, end: CallEnd): Promise<void> {
    try {
      await persist(PATIENCE_MS, () => settleCall(database.db, owner.tenantId, id, end));
    } catch (error) {
      log.error({ err: error, call_id: id }, 'a model call could not be settled; the sweep will');
    }
  }

  return {
    async begin(attempt) {
      const id = newId();
      try {
        await beginCallAs(database.db, id, owner, attempt, HOLD_MS);
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
