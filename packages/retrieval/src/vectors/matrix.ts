/** Vectors of one length in one piece of memory, each under a name. */
export interface Matrix {
  readonly size: number;
  /** Of its memory. */
  readonly bytes: number;
  /** The names, in the order of what `scores` answers. Changes with the matrix. */
  readonly refs: readonly string[];
  /** Takes the memory for so many vectors in all, where it has less. */
  reserve(count: number): void;
  /** Adds a vector or replaces the one of that name. Throws `RangeError` for one of another length. */
  put(ref: string, vector: Float32Array): void;
  /** Takes all vectors out but those of these names. */
  retain(refs: ReadonlySet<string>): void;
  /** The inner product of each vector and another one: for vectors of length 1, the cosine of their angle. */
  scores(query: Float32Array): Float64Array;
}

export function createMatrix(dimensions: number, capacity: number): Matrix {
  let data = new Float32Array(dimensions * capacity);
  const refs: string[] = [];
  const rows = new Map<string, number>();
  function reserve(count: number): void {
    if (count * dimensions <= data.length) return;
    const grown = new Float32Array(count * dimensions);
    grown.set(data);
    data = grown;
  }
  return {
    refs,
    reserve,
    get size() {
      return refs.length;
    },
    get bytes() {
      return data.byteLength;
    },
    put(ref, vector) {
      if (vector.length !== dimensions)
        throw new RangeError(`a vector of ${vector.length} numbers among those of ${dimensions}`);
      const row = rows.get(ref) ?? refs.length;
      if (row === refs.length) {
        refs.push(ref);
        rows.set(ref, row);
        if (refs.length * dimensions > data.length) reserve(Math.ceil(refs.length * 1.25));
      }
      data.set(vector, row * dimensions);
    },
    retain(kept) {
      for (let row = refs.length - 1; row >= 0; row -= 1) {
        const ref = refs[row]!;
        if (kept.has(ref)) continue;
        const last = refs.pop()!;
        rows.delete(ref);
        if (last === ref) continue;
        refs[row] = last;
        rows.set(last, row);
        data.copyWithin(row * dimensions, refs.length * dimensions, (refs.length + 1) * dimensions);
      }
    },
    scores(query) {
      const scores = new Float64Array(refs.length);
      for (let row = 0; row < refs.length; row += 1) scores[row] = innerProduct(data, row * dimensions, query);
      return scores;
    },
  };
}

/** Of the numbers from a place on with a vector. Four sums side by side: an addition need not wait for the one before. */
export function innerProduct(data: Float32Array, from: number, vector: Float32Array): number {
  const { length } = vector;
  const whole = length - (length % 4);
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let at = 0; at < whole; at += 4) {
    a += data[from + at]! * vector[at]!;
    b += data[from + at + 1]! * vector[at + 1]!;
    c += data[from + at + 2]! * vector[at + 2]!;
    d += data[from + at + 3]! * vector[at + 3]!;
  }
  for (let at = whole; at < length; at += 1) a += data[from + at]! * vector[at]!;
  return a + b + (c + d);
}

/** A vector of length 1 in the same direction; undefined for one that has none, or holds what is no number. */
export function unit(vector: Float32Array): Float32Array | undefined {
  const length = Math.sqrt(innerProduct(vector, 0, vector));
  return length > 0 && Number.isFinite(length) ? vector.map((number) => number / length) : undefined;
}
