import type { Database } from '@reeve/db';
import { Background, Signal, sleep, type Log } from '@reeve/kit';

/** Between two rounds: what comes meanwhile shares the next. */
const PAUSE_MS = 1_000;
const LOOK_MS = 5_000;

export interface RoundOptions {
  readonly pauseMs?: number;
  readonly lookMs?: number;
}

/** Works in rounds in the background, until disposed: whenever the journal has news, and every five seconds. A round that fails is tried again. */
export function startRounds(
  database: Database,
  log: Log,
  name: string,
  round: (signal: AbortSignal) => Promise<void>,
  { pauseMs = PAUSE_MS, lookMs = LOOK_MS }: RoundOptions = {},
): AsyncDisposable {
  const loop = new Background(log);
  const wake = new Signal();
  const stopping = new AbortController();
  const { signal } = stopping;
  const stopListening = database.listen('reeve_journal', () => wake.raise());
  loop.start(name, async () => {
    while (!signal.aborted) {
      await round(signal).catch((error: unknown) => log.warn({ err: error }, `${name} failed; trying again`));
      await sleep(pauseMs, signal);
      await wake.wait(lookMs, signal);
    }
  });
  return {
    async [Symbol.asyncDispose]() {
      stopListening();
      stopping.abort();
      await loop[Symbol.asyncDispose]();
    },
  };
}
