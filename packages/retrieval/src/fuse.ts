import { takeMatching } from './take-matching.ts';
import type { Ranking } from './lexical/rank.ts';
import type { SimilarText, VectorRanking } from './vectors/ranking.ts';

/*
 * Two rankings as one. Of each the best hundred that may be answered count. A text's score is half of where it stands between the
 * worst and the best of either hundred; a text that one of them has not counts nothing there. Where a ranking's scores are all the
 * same, and so say nothing of distances, ranks count instead (reciprocal rank fusion).
 */

/** Texts of either ranking that are looked at. */
const DEPTH = 100;
/** The usual constant of reciprocal rank fusion: how little the first differs from the second. */
const RANK_OFFSET = 60;
/** A cosine below which nothing is close, whatever the model. */
const FAR = 0.25;

export interface Scored {
  readonly ref: string;
  readonly score: number;
}

/** A text that at least one of two rankings has. */
export interface Fused<Match> {
  readonly match: Match;
  /** From 0 to 1, only to be compared with others of the same query. */
  readonly score: number;
  /** How many different terms of the query it has. */
  readonly matched: number;
  /** Its vector is in the upper half of what its ranking found: enough to be shown without a word in common. */
  readonly isClose: boolean;
}

/** Fuses what two rankings found. `find` answers those of some texts that may be answered, by their names. Best first. */
export async function fuseRankings<Match>(
  lexical: Ranking,
  vectors: VectorRanking,
  find: (refs: readonly string[]) => Promise<ReadonlyMap<string, Match>>,
): Promise<Fused<Match>[]> {
  const byWords = await takeMatching((count) => lexical.take(count), find, DEPTH);
  const byMeaning = await takeMatching((count) => vectors.take(count), find, DEPTH);
  const matches = new Map([...byWords, ...byMeaning].map(({ ref, match }) => [ref, match]));
  const matched = new Map(byWords.map((text) => [text.ref, text.matched]));
  const close = closeOf(byMeaning);
  return [...fuse(byWords, byMeaning)]
    .map(([ref, score]) => ({ ref, score }))
    .sort((one, other) => other.score - one.score || (one.ref < other.ref ? 1 : -1))
    .map(({ ref, score }) => ({
      match: matches.get(ref)!,
      score,
      matched: matched.get(ref) ?? 0,
      isClose: close.has(ref),
    }));
}

/** The scores of all texts of two lists, each of which is in descending order. */
export function fuse(one: readonly Scored[], other: readonly Scored[]): Map<string, number> {
  const hasSpread = [one, other].every((list) => list.length === 0 || list[0]!.score > list.at(-1)!.score);
  const scores = new Map<string, number>();
  for (const list of [one, other])
    for (const [index, { ref, score }] of list.entries()) {
      const share = hasSpread ? standing(list, score) : (RANK_OFFSET + 1) / (RANK_OFFSET + 1 + index);
      scores.set(ref, (scores.get(ref) ?? 0) + share / 2);
    }
  return scores;
}

/** Between the worst, 0, and the best, 1, of a list that has both. */
function standing(list: readonly Scored[], score: number): number {
  const [best, worst] = [list[0]!.score, list.at(-1)!.score];
  return (score - worst) / (best - worst);
}

function closeOf(list: readonly SimilarText[]): Set<string> {
  const [best = 0, worst = 0] = [list[0]?.score, list.at(-1)?.score];
  const least = Math.max(FAR, list.length === 1 ? FAR : (best + worst) / 2);
  return new Set(list.filter(({ score }) => score >= least).map(({ ref }) => ref));
}
