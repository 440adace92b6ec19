import { backoffMs } from '@reeve/kit';

/*
 *   up ──first failures of some memories, with no success between──► down ──a rest, longer with each memory that fails for the first time──►
 *   one more is tried: fails ──► down; is taken ──► up
 *
 * A memory that failed before and fails again proves nothing: it may be the memory.
 */

/** Failures with no success between them after which the backend is down. */
const THRESHOLD = 4;
const LONGEST_REST_MS = 60_000;
const LONGEST_WAIT_MS = 300_000;

/** How the backend does, as one process sees it. */
export interface Outage {
  isDown(): boolean;
  /** It took nothing the last times, though that may be for one memory that it does not take. */
  isFailing(): boolean;
  /** It failed a moment ago, and is left alone. */
  isResting(): boolean;
  /** Records a success. After an outage, returns the memories that failed for the first time during it, since the backend may have been the cause. */
  answered(): string[];
  /** Records the failure of a memory that had failed `attempts` times. True if the backend counts as down from now on. */
  failed(id: string, attempts: number): boolean;
  /** How long a memory rests that failed once more. */
  waitMs(attempts: number): number;
}

/** `restMs`: the rest after a first failure; each further one doubles it. */
export function createOutage(restMs: number): Outage {
  /** Memories that failed for the first time since it took something. */
  let failures = new Set<string>();
  let times = 0;
  let restUntil = 0;
  const isDown = () => failures.size >= THRESHOLD;
  const isFailing = () => times >= THRESHOLD;
  return {
    isDown,
    isFailing,
    isResting: () => performance.now() < restUntil,
    answered() {
      const missed = isDown() ? [...failures] : [];
      failures = new Set();
      times = 0;
      restUntil = 0;
      return missed;
    },
    failed(id, attempts) {
      const wasDown = isDown();
      if (attempts === 0) failures.add(id);
      if (failures.has(id)) times += 1;
      if (isDown())
        restUntil =
          performance.now() + backoffMs(failures.size - THRESHOLD, { firstMs: restMs, longestMs: LONGEST_REST_MS });
      return isDown() && !wasDown;
    },
    waitMs: (attempts) =>
      backoffMs(attempts, { firstMs: restMs, longestMs: isFailing() ? LONGEST_REST_MS : LONGEST_WAIT_MS }),
  };
}
