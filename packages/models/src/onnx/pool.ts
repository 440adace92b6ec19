/** A vector for each token of some texts, one text after another, each as long as the longest. */
export interface TokenVectors {
  readonly data: Float32Array;
  readonly texts: number;
  readonly tokens: number;
  readonly dimensions: number;
}

/**
 * One vector a text: the mean of its tokens' where the mask is 1, or the first token's. `mask` has a number for each token, 0 for
 * padding.
 */
export function pool(
  { data, texts, tokens, dimensions }: TokenVectors,
  mask: ArrayLike<number>,
  pooling: 'mean' | 'cls',
): Float32Array[] {
  return Array.from({ length: texts }, (_, text) => {
    const first = text * tokens;
    const of = (token: number) => data.subarray((first + token) * dimensions, (first + token + 1) * dimensions);
    if (pooling === 'cls') return of(0).slice();
    const sum = new Float64Array(dimensions);
    let count = 0;
    for (let token = 0; token < tokens; token += 1) {
      if (mask[first + token] !== 1) continue;
      count += 1;
      for (const [index, value] of of(token).entries()) sum[index]! += value;
    }
    return Float32Array.from(sum, (value) => value / Math.max(count, 1));
  });
}

/** The same direction with length 1; a vector of zeros stays one. */
export function normalize(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return length === 0 ? vector : vector.map((value) => value / length);
}
