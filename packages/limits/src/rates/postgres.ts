import type { Database } from '@reeve/db';
import { Background, sleep, type Log } from '@reeve/kit';
import { countedWithin, type RateStore } from './count.ts';
import { addToWindows, deleteEndedWindows } from '../store/rate.ts';

/** How long a statement may take. */
const STATEMENT_MS = 500;
const CLEAN_MS = 5 * 60_000;

/**
 * Counts in PostgreSQL, by its clock, a batch in one statement that waits for no disk. Windows that have ended are removed in the
 * background. Where the database takes longer than half a second, counting fails, though it may have been counted.
 */
export function openPostgresStore({ db }: Database, log: Log): RateStore {
  const stopping = new AbortController();
  const background = new Background(log);
  background.start('removing windows of requests', async () => {
    for (;;) {
      await sleep(CLEAN_MS, stopping.signal);
      if (stopping.signal.aborted) return;
      await deleteEndedWindows(db).catch((error: unknown) =>
        log.warn({ err: error }, 'ended windows of requests could not be removed; trying again'),
      );
    }
  });
  return {
    kind: 'postgres',
    add: (entries) => countedWithin(STATEMENT_MS, addToWindows(db, entries)),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await background[Symbol.asyncDispose]();
    },
  };
}
