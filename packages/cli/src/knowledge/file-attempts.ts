import { ClientError } from '@reeve/client';
import { sleep } from '@reeve/kit';
import type { FileFailure } from './folder-read.ts';

/** Files on their way at a time. */
const AT_ONCE = 2;
/** Faults of the server in a row that are no file's any more. */
const FAULTS = 5;

/**
 * Asks for files what may be refused or fail. `undefined` is answered, and the file has failed, where that is the file's; what is
 * not, such as the last of `FAULTS` in a row, is thrown. Told of refusals that the same content would meet again.
 */
export function createAttempts(failed: FileFailure[], onRefusal: (file: string, message: string) => void) {
  let faults = 0;
  return async <T>(file: string, ask: () => Promise<T>, stop: AbortSignal): Promise<T | undefined> => {
    try {
      const answer = await patiently(ask, stop);
      faults = 0;
      return answer;
    } catch (error) {
      if (stop.aborted) throw error;
      const { message } = error as Error;
      if (error instanceof ClientError) {
        const isRefusal = REFUSALS.has(error.status);
        faults = isFault(error) ? faults + 1 : 0;
        if (faults === FAULTS || !(isRefusal || isFault(error))) throw error;
        if (isRefusal && error.status !== 409) onRefusal(file, message);
      }
      failed.push({ file, message });
      return undefined;
    }
  };
}

/** Does something with each, `AT_ONCE` at a time. Where that throws for one the others are stopped, and it throws the same. */
export async function eachOf<T>(
  all: Iterable<T>,
  signal: AbortSignal,
  does: (one: T, stop: AbortSignal) => Promise<void>,
): Promise<void> {
  const stopping = new AbortController();
  const stop = AbortSignal.any([signal, stopping.signal]);
  const waiting = [...all].values();
  const work = async () => {
    for (const one of waiting) {
      stop.throwIfAborted();
      await does(one, stop);
    }
  };
  const working = Array.from({ length: AT_ONCE }, () => work().catch((error: unknown) => stopping.abort(error)));
  await Promise.all(working);
  stopping.signal.throwIfAborted();
}

/** Statuses of a server that has too much to do, or cannot answer for the moment. */
const BUSY: ReadonlySet<number> = new Set([429, 503]);
/** Times that a server which has too much to do is asked again, and how long after the first and at most. */
const TRIES = 60;
const [FIRST_MS, LONGEST_MS] = [500, 10_000];

/** Asks again, later and later, where the server has too much to do. */
export async function patiently<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let tried = 0; ; tried += 1)
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ClientError) || !BUSY.has(error.status) || tried === TRIES) throw error;
      await sleep(Math.min(FIRST_MS * 2 ** tried, LONGEST_MS), signal);
      signal.throwIfAborted();
    }
}

/** Statuses that say something of the file, and not of the way to the server. */
const REFUSALS: ReadonlySet<number> = new Set([400, 409, 413, 415, 422]);

/** True for a fault of the server, which may be one that it has with this file only. */
function isFault({ status }: ClientError): boolean {
  return status >= 500 && !BUSY.has(status);
}
