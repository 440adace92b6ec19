import { createHeap } from '../lexical/heap.ts';

/** A text with a vector. */
export interface SimilarText {
  readonly ref: string;
  /** The cosine, from -1 to 1. */
  readonly score: number;
}

/** What is most like a query, first; of the same score in the descending order of their refs. */
export interface VectorRanking {
  readonly size: number;
  /** The next `count` of them, fewer only at the end. */
  readonly take: (count: number) => SimilarText[];
}

/** Texts with their scores, in the same order, as they are now. */
export function rankingOf(
  found: readonly { readonly refs: readonly string[]; readonly scores: ArrayLike<number> }[],
): VectorRanking {
  const size = found.reduce((sum, { refs }) => sum + refs.length, 0);
  const refs: string[] = [];
  const scores = new Float64Array(size);
  for (const one of found) {
    scores.set(one.scores, refs.length);
    for (const ref of one.refs) refs.push(ref);
  }
  const heap = createHeap(scores);
  let ready: SimilarText[] = [];
  return {
    size,
    take(count) {
      const picked: SimilarText[] = [];
      const isTied = () => heap.top() === picked.at(-1)?.score;
      while (heap.top() !== undefined && (ready.length + picked.length < count || isTied())) {
        const index = heap.pop();
        picked.push({ ref: refs[index]!, score: scores[index]! });
      }
      picked.sort((one, other) => other.score - one.score || (one.ref < other.ref ? 1 : -1));
      ready = [...ready, ...picked];
      return ready.splice(0, count);
    },
  };
}
