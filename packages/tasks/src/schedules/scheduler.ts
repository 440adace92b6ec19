import { Background, Signal } from '@reeve/kit';
import { passDueTimes, type ScheduleParts } from './run-due.ts';

/*
 * The scheduler of one process
 *
 *   asleep ──due time, wake (notify), a minute──► pass what is due ──► asleep until the earliest due time
 *
 * Any number of processes may run one. All sleep until the same moment; the first to lock a schedule makes its task, the
 * others find it locked or due no more. The database's clock decides what is due, and how long to sleep.
 */

/** Longest time between two looks, in milliseconds. */
const LOOK_MS = 60_000;
/** The pause after a look that left something or failed. */
const AGAIN_MS = 1_000;

/** Makes the tasks of schedules at their times, in the background, until disposed. */
export function startScheduler(parts: ScheduleParts): AsyncDisposable {
  const { database, log } = parts;
  const loop = new Background(log);
  const wake = new Signal();
  const stopping = new AbortController();
  const stopListening = database.listen('reeve_schedules', () => wake.raise());

  async function look(): Promise<number> {
    try {
      const { nextInMs, left } = await passDueTimes(parts, undefined, stopping.signal);
      return Math.min(left > 0 ? AGAIN_MS : LOOK_MS, Math.max(1, Math.ceil(nextInMs ?? LOOK_MS)));
    } catch (error) {
      log.warn({ err: error }, 'looking for due schedules failed; trying again');
      return AGAIN_MS;
    }
  }

  loop.start('the scheduler', async () => {
    while (!stopping.signal.aborted) await wake.wait(await look(), stopping.signal);
  });

  return {
    async [Symbol.asyncDispose]() {
      stopListening();
      stopping.abort();
      await loop[Symbol.asyncDispose]();
    },
  };
}
