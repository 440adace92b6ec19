import { now, type Database, type Db } from '@reeve/db';
import { Background, sleep, type Log } from '@reeve/kit';
import { settleExpired } from './store/book.ts';

/** Longest time between two looks, in milliseconds. */
const LOOK_MS = 10_000;
/** Calls that one statement settles. */
const AT_ONCE = 200;

/** Settles calls that nobody settled in time, in the background, until disposed. Any number of processes may. */
export function startMetering(database: Database, log: Log): AsyncDisposable {
  const loop = new Background(log);
  const stopping = new AbortController();
  loop.start('metering', async () => {
    while (!stopping.signal.aborted) {
      await sweepCalls(database, log).catch((error: unknown) =>
        log.warn({ err: error }, 'settling lost model calls failed; trying again'),
      );
      await sleep(LOOK_MS, stopping.signal);
    }
  });
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await loop[Symbol.asyncDispose]();
    },
  };
}

/** Settles every open call past its time as `crashed`, at all that it had reserved. Answers how many. */
export async function sweepCalls({ db }: Database, log: Log): Promise<number> {
  let swept = 0;
  for (let settled = AT_ONCE; settled === AT_ONCE; swept += settled) settled = await settleExpired(db, AT_ONCE);
  if (swept > 0) log.warn({ calls: swept }, 'model calls were never settled; charged with what they had reserved');
  return swept;
}

/**
 * Lets the open calls of no run expire at once. For the start of the embedded database, when nobody else can be alive;
 * those of runs are left to the engine, which knows what was streamed.
 */
export async function expireCalls(db: Db): Promise<void> {
  await db
    .updateTable('model_calls')
    .set({ expires_at: now })
    .where('status', '=', 'open')
    .where('run_id', 'is', null)
    .execute();
}
