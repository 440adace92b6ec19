import type { Log } from './log.ts';

/**
 * Promises that nobody awaits where they begin. A failure is logged, and disposing waits for all that still run.
 */
export class Background {
  readonly #running = new Set<Promise<void>>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Starts `work` and keeps it; `name` says in the log what failed. */
  start(name: string, work: () => Promise<void>): void {
    const promise = work()
      .catch((error: unknown) => this.#log.error({ err: error }, `${name} failed`))
      .finally(() => this.#running.delete(promise));
    this.#running.add(promise);
  }

  get size(): number {
    return this.#running.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }
}
