import type { Db } from '@reeve/db';
import { analyze } from './analyze.ts';
import { frequencyScore, inverseFrequency, saturations } from './bm25.ts';
import { createHeap } from './heap.ts';
import { eachPosting } from './postings.ts';
import { createScores, type Scores } from './scores.ts';
import type { Space } from '../space.ts';
import { selectPostings, selectRefs, selectSpaces, type PostingsRow } from './store.ts';

/** A text that has a term of the query. */
export interface RankedText {
  readonly ref: string;
  readonly spaceId: number;
  /** Above 0; only to be compared with others of the same ranking. */
  readonly score: number;
  /** How many different terms of the query it has. */
  readonly matched: number;
}

/** What a query found, best first; of the same score in the descending order of their refs. */
export interface Ranking {
  /** How many different terms the query has; 0 finds nothing. */
  readonly terms: number;
  /** How many texts were found. */
  readonly size: number;
  /** The next `count` of them, fewer only at the end. To be called in the transaction that ranked them. */
  readonly take: (count: number) => Promise<RankedText[]>;
}

/**
 * Ranks the texts of a tenant's spaces by BM25, with the statistics of all these spaces together. A term that is repeated in the
 * query counts as often. Throws `TypeError` for spaces of different tenants.
 */
export async function rankTexts(db: Db, spaces: readonly Space[], query: string): Promise<Ranking> {
  const weights = new Map<string, number>();
  for (const term of analyze(query).terms) weights.set(term, (weights.get(term) ?? 0) + 1);
  const [one] = spaces;
  if (one === undefined || weights.size === 0) return { terms: weights.size, size: 0, take: async () => [] };
  const { tenantId } = one;
  if (spaces.some((space) => space.tenantId !== tenantId)) throw new TypeError('spaces of different tenants');
  // Always in the same order: sums of the same scores are then the same, wherever.
  const terms = [...weights.keys()].sort();
  const ids = spaces.map(({ id }) => id);
  const stats = await selectSpaces(db, tenantId, ids);
  const postings = Map.groupBy(await selectPostings(db, tenantId, ids, terms), ({ term }) => term);
  const total = stats.reduce((sum, { entries }) => sum + entries, 0);
  const saturationOf = saturationsOf(stats);
  const scoresOf = new Map(stats.map(({ id }) => [id, createScores()]));
  for (const term of terms) {
    const rows = postings.get(term) ?? [];
    const count = rows.reduce((sum, row) => sum + row.count, 0);
    const worth = weights.get(term)! * inverseFrequency(count, total);
    for (const row of rows) addScores(row, worth, saturationOf.get(row.space_id), scoresOf.get(row.space_id));
  }
  return rankingOf(db, tenantId, terms.length, scoresOf);
}

/** By space; what is usual is found out for all of a kind together, since one space may hold a single text. */
function saturationsOf(stats: readonly { id: number; kind: string; entries: number; length: number }[]) {
  const byKind = new Map<string, Float64Array>();
  for (const [kind, all] of Map.groupBy(stats, (space) => space.kind)) {
    const entries = all.reduce((sum, space) => sum + space.entries, 0);
    const length = all.reduce((sum, space) => sum + space.length, 0);
    byKind.set(kind, saturations(kind, Math.max(1, length / Math.max(1, entries))));
  }
  return new Map(stats.map(({ id, kind }) => [id, byKind.get(kind)!]));
}

function addScores(row: PostingsRow, worth: number, saturation: Float64Array | undefined, scores?: Scores): void {
  if (saturation === undefined || scores === undefined) return;
  eachPosting(row.data, (entry, frequency, code) =>
    scores.add(entry, worth * frequencyScore(frequency, saturation[code]!)),
  );
}

function rankingOf(db: Db, tenantId: string, terms: number, scoresOf: ReadonlyMap<number, Scores>): Ranking {
  const size = [...scoresOf.values()].reduce((sum, scores) => sum + scores.size(), 0);
  // Of a hundred thousand texts half may be found: arrays that grow would take longer than the ranking.
  const spaceIds = new Int32Array(size);
  const entries = new Int32Array(size);
  const scores = new Float64Array(size);
  const matched = new Uint16Array(size);
  let at = 0;
  for (const [id, all] of scoresOf)
    all.each((entry, score, count) => {
      spaceIds[at] = id;
      entries[at] = entry;
      scores[at] = score;
      matched[at] = count;
      at += 1;
    });
  const heap = createHeap(scores);
  /** Already named and in order, but not asked for yet. */
  let ready: RankedText[] = [];

  /** At least `count` more where there are so many, and all that share the last one's score. */
  async function more(count: number): Promise<RankedText[]> {
    const picked: number[] = [];
    while (heap.top() !== undefined && (picked.length < count || heap.top() === scores[picked.at(-1)!]))
      picked.push(heap.pop());
    const texts: RankedText[] = [];
    for (const [spaceId, all] of Map.groupBy(picked, (index) => spaceIds[index]!)) {
      const numbers = all.map((index) => entries[index]!);
      const refs = await selectRefs(db, { id: spaceId, tenantId }, numbers);
      for (const index of all) {
        const ref = refs.get(entries[index]!);
        if (ref !== undefined) texts.push({ ref, spaceId, score: scores[index]!, matched: matched[index]! });
      }
    }
    return texts.sort((one, other) => other.score - one.score || (one.ref < other.ref ? 1 : -1));
  }

  return {
    terms,
    size,
    async take(count) {
      while (ready.length < count && heap.top() !== undefined)
        ready = [...ready, ...(await more(count - ready.length))];
      const taken = ready.slice(0, count);
      ready = ready.slice(count);
      return taken;
    },
  };
}
