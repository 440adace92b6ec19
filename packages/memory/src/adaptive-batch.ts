/** How many items one transaction processes, found out as it goes. */
export interface AdaptiveBatch {
  /** Items for the next transaction. */
  size(): number;
  /** Records how long a transaction of so many items took. One of fewer items than `size()` allowed changes nothing. */
  took(size: number, ms: number): void;
}

/** Target duration of one transaction of many: everything else on the embedded database waits for it. */
const PIECE_MS = 200;
const FIRST = 64;
const [LEAST, MOST] = [48, 512];

/** Adapts the size to this machine, so that a transaction takes about a fifth of a second. */
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
