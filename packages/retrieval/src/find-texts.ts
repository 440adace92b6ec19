import type { Retrieval } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { takeMatching } from './take-matching.ts';
import { rankTexts } from './lexical/rank.ts';
import type { Space } from './space.ts';
import type { QueryVector } from './vectors/embed-query.ts';
import { fuseRankings, type Fused } from './fuse.ts';

/*
 * Lexical search: a text matches where it has any of the query's terms, and ranks by BM25 over all that is searched.
 * Hybrid search, where the query has a vector: what is most like it matches too.
 */

/** What fits a query, and how it was found. */
export interface FoundTexts<Match> {
  readonly retrieval: Retrieval;
  /** How many different terms the query has. */
  readonly terms: number;
  /** Best first; of a hybrid search more than were asked for. */
  readonly found: Fused<Match>[];
}

/** Finds at least the best `count` texts of some spaces, or all that fit. `find` answers which of some texts may be answered, by their names. */
export async function findTexts<Match>(
  tx: Tx,
  spaces: readonly Space[],
  { query, asked, count }: { query: string; asked?: QueryVector | undefined; count: number },
  find: (refs: readonly string[]) => Promise<ReadonlyMap<string, Match>>,
): Promise<FoundTexts<Match>> {
  const ranking = await rankTexts(tx, spaces, query);
  const { terms } = ranking;
  const vectors = await asked?.rank(tx, spaces);
  if (vectors !== undefined) return { retrieval: 'hybrid', terms, found: await fuseRankings(ranking, vectors, find) };
  const texts = await takeMatching((size) => ranking.take(size), find, count);
  const found = texts.map(({ match, score, matched }) => ({ match, score, matched, isClose: false }));
  return { retrieval: 'lexical', terms, found };
}

/** Terms that a text has to share with a prompt: one may be chance, a common word of a long prompt in a long text. */
const SHARED_TERMS = 2;

/** Whether to show a model what was found: it shares enough of the query's terms, or all where there are fewer, or its vector is close. */
export function isTelling({ matched, isClose }: Pick<Fused<unknown>, 'matched' | 'isClose'>, terms: number): boolean {
  return isClose || (matched > 0 && matched >= Math.min(SHARED_TERMS, terms));
}
