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
  readonly take: (count: number) => Promise<SimilarText[]>;
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
    async take(count) {
      const picked: SimilarText[] = [];
      const isTied = () => heap.top() === picked.at(-1)?.score;
      while (heap.top() !== undefined && (ready.length + picked.length < count || isTied())) {
        const index = heap.pop();
        picked.push({ ref: refs[index]!, score: scores[index]! });
      }
      picked.sort(bySimilarity);
      ready = [...ready, ...picked];
      return ready.splice(0, count);
    },
  };
}

/** Two rankings of different texts as one. */
export function mergeRankings(one: VectorRanking, other: VectorRanking): VectorRanking {
  let [ones, others]: [SimilarText[], SimilarText[]] = [[], []];
  const fill = async (ready: readonly SimilarText[], ranking: VectorRanking, count: number) =>
    ready.length < count ? [...ready, ...(await ranking.take(count - ready.length))] : [...ready];
  return {
    size: one.size + other.size,
    async take(count) {
      ones = await fill(ones, one, count);
      others = await fill(others, other, count);
      const taken: SimilarText[] = [];
      let [fromOnes, fromOthers] = [0, 0];
      while (taken.length < count) {
        const [mine, theirs] = [ones[fromOnes], others[fromOthers]];
        const nearer = mine !== undefined && (theirs === undefined || bySimilarity(mine, theirs) < 0) ? mine : theirs;
        if (nearer === undefined) break;
        taken.push(nearer);
        if (nearer === mine) fromOnes += 1;
        else fromOthers += 1;
      }
      ones = ones.slice(fromOnes);
      others = others.slice(fromOthers);
      return taken;
    },
  };
}

function bySimilarity(one: SimilarText, other: SimilarText): number {
  return other.score - one.score || (one.ref < other.ref ? 1 : -1);
}
