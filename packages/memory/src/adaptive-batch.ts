/** How much one transaction does at a time. */
export interface AdaptiveBatch {
  /** For the next one. */
  size(): number;
  /** Tells how long a transaction took that did so much; it is not told of what was less than it may have been. */
  took(size: number, ms: number): void;
}

/** What a transaction that is one of many is to take: whoever else wants the embedded database waits for it. */
const PIECE_MS = 200;
const FIRST = 64;
const [LEAST, MOST] = [48, 512];

/** Finds out how much a transaction may do on this machine, as it is now, to take about a fifth of a second. */
export function createAdaptiveBatch(): AdaptiveBatch {
  let size = FIRST;
  return {
    size: () => size,
    took(done, ms) {
      if (done < size) return;
      // Never more than double: the next texts may cost more than these.
      const wanted = Math.min(size * 2, Math.round((size * PIECE_MS) / Math.max(1, ms)));
      size = Math.max(LEAST, Math.min(MOST, wanted));
    },
  };
}

/** Always the same, for tests. */
export function fixedBatch(size: number): AdaptiveBatch {
  return { size: () => size, took: () => undefined };
}
