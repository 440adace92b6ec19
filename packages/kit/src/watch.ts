import { watch, type FSWatcher } from 'node:fs';
import { Background } from './background.ts';
import type { Log } from './log.ts';
import { Signal, sleep } from './wait.ts';

/** Files of a directory that are looked at again and again. Disposing stops and waits for a look that is under way. */
export interface Watching extends AsyncDisposable {
  /** Has it looked at soon. */
  soon(): void;
}

export interface WatchOptions {
  readonly directory: string;
  /** Called once at the start, and then one call after the other. What it throws is logged. */
  readonly look: (signal: AbortSignal) => Promise<void>;
  /** Longest time between two looks, in milliseconds: some file systems tell nobody of changes, and none of those below. */
  readonly lookMs: number;
  /** What is looked at, for the log. */
  readonly what: string;
  readonly log: Log;
}

/** Looks soon after something in a directory has changed, and every `lookMs`; the directory need not be there. */
export function startWatching({ directory, look, lookMs, what, log }: WatchOptions): Watching {
  const soon = new Signal();
  const stopping = new AbortController();
  const background = new Background(log);
  let watcher: FSWatcher | undefined;
  background.start(`watching ${what}`, async () => {
    while (!stopping.signal.aborted) {
      watcher ??= watchDirectory(
        directory,
        () => soon.raise(),
        () => (watcher = undefined),
      );
      await look(stopping.signal).catch((error: unknown) =>
        log.warn({ err: error, directory }, `${what} cannot be looked at`),
      );
      await soon.wait(lookMs, stopping.signal);
    }
  });
  return {
    soon: () => soon.raise(),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      watcher?.close();
      await background[Symbol.asyncDispose]();
    },
  };
}

/** How long a file must have stayed the same before it is read. */
const STILL_MS = 150;

/** The sign of files once it has stayed the same for a moment: one that is being written can look complete. */
export async function settled(signOf: () => Promise<string> | string, signal: AbortSignal): Promise<string> {
  for (let before = await signOf(); ;) {
    await sleep(STILL_MS, signal);
    const sign = await signOf();
    if (sign === before || signal.aborted) return sign;
    before = sign;
  }
}

/** Undefined where the directory cannot be watched, such as one that is not there. */
function watchDirectory(directory: string, heard: () => void, lost: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(directory, { persistent: false }, heard);
    watcher.on('error', () => {
      watcher.close();
      lost();
    });
    return watcher;
  } catch {
    return undefined;
  }
}
