/** Hands out the numbers from 0 to below `keys.length`, the one with the greatest key first. Making it takes linear time, each number logarithmic. */
export interface Heap {
  /** The greatest key that is left; undefined where nothing is. */
  readonly top: () => number | undefined;
  /** The number with that key, which is gone from then on. */
  readonly pop: () => number;
}

export function createHeap(keys: Float64Array): Heap {
  let size = keys.length;
  const heap = new Uint32Array(size);
  for (let at = 0; at < size; at += 1) heap[at] = at;
  const sink = (from: number) => {
    let at = from;
    const moved = heap[at]!;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && keys[heap[child + 1]!]! > keys[heap[child]!]!) child += 1;
      if (keys[heap[child]!]! <= keys[moved]!) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = moved;
  };
  for (let at = (size >> 1) - 1; at >= 0; at -= 1) sink(at);
  return {
    top: () => (size === 0 ? undefined : keys[heap[0]!]),
    pop() {
      const best = heap[0]!;
      size -= 1;
      heap[0] = heap[size]!;
      sink(0);
      return best;
    },
  };
}
