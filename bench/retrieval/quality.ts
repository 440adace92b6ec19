import type { Collection } from './collections.ts';
import type { Contender } from './contender.ts';

/** Averages over a collection's queries, and what was found for each. */
export interface Quality {
  readonly ndcg: number;
  readonly recall: number;
  readonly found: readonly (readonly string[])[];
}

const TOP = 10;

/** nDCG and recall among the first ten: gains as judged, discounted by the logarithm of their place. */
export async function measureQuality({ search }: Contender, { queries }: Collection): Promise<Quality> {
  let [ndcg, recall] = [0, 0];
  const all: string[][] = [];
  for (const { text, relevant } of queries) {
    const found = await search(text, TOP);
    all.push(found);
    const gains = found.map((id) => relevant.get(id) ?? 0);
    const best = [...relevant.values()].sort((a, b) => b - a).slice(0, TOP);
    ndcg += discounted(gains) / discounted(best);
    recall += gains.filter((gain) => gain > 0).length / relevant.size;
  }
  return { ndcg: ndcg / queries.length, recall: recall / queries.length, found: all };
}

function discounted(gains: readonly number[]): number {
  return gains.reduce((sum, gain, place) => sum + gain / Math.log2(place + 2), 0);
}
