import type { Database } from './database.ts';
import { Background, Signal, sleep, type Log } from '@reeve/kit';

/*
 *   asleep ──the journal has news, five seconds──► a round ──pause──► asleep
 */

/** Between two rounds: what comes meanwhile shares the next. */
const PAUSE_MS = 1_000;
const LOOK_MS = 5_000;

export interface RoundOptions {
  readonly pauseMs?: number;
  readonly lookMs?: number;
}

/**
 * Works behind the commits in the background, until disposed: a round whenever the journal has news, and every five seconds. One that
 * fails is tried again.
 */
export function startRounds(
  { listen }: Pick<Database, 'listen'>,
  log: Log,
  { name, round }: { readonly name: string; readonly round: (signal: AbortSignal) => Promise<void> },
  { pauseMs = PAUSE_MS, lookMs = LOOK_MS }: RoundOptions = {},
): AsyncDisposable {
  const loop = new Background(log);
  const wake = new Signal();
  const stopping = new AbortController();
  const { signal } = stopping;
  const stopListening = listen('reeve_journal', () => wake.raise());
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
