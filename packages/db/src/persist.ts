import { sleep } from '@reeve/kit';
import { isTransient } from './sqlstate.ts';

/**
 * Writes until it is written: a database that is gone for a moment must not undo work that is done. Gives up after
 * `patienceMs`, and at once for errors that `mayPass` does not accept. What is written must bear being written twice.
 */
export async function persist<T>(
  patienceMs: number,
  write: () => Promise<T>,
  mayPass: (error: unknown) => boolean = isTransient,
): Promise<T> {
  const until = performance.now() + patienceMs;
  for (let waitMs = 50; ; waitMs = Math.min(waitMs * 2, 1_000)) {
    try {
      return await write();
    } catch (error) {
      if (!mayPass(error) || performance.now() + waitMs > until) throw error;
      await sleep(waitMs);
    }
  }
}
