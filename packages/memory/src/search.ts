import type { RecallInput, RecallMatch, Retrieval } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { newestFirst } from './care/newest-first.ts';
import { rankTexts } from './lexical/rank.ts';
import { findSpaces, type Space } from './lexical/space.ts';
import { selectFoundMemories, selectFoundMessages } from './search-store.ts';
import { fuseRankings, type QueryVector } from './vectors/index.ts';

/*
 * Lexical search: a text matches where it has any of the query's terms, and ranks by BM25 over all that is searched. Equal ranks go
 * to the newer one, and what came in the place of a memory stands before it. What was said in sessions is found once the indexer has
 * been there, with what was said around it.
 *
 * Hybrid search, where the query has a vector: what is most like it matches too.
 */

/** A match, how many different terms of the query it has, and whether its vector alone is reason to show it. */
export interface Found {
  readonly match: RecallMatch;
  readonly matched: number;
  readonly isClose: boolean;
}

/** What was found, and how. */
export interface SearchResult {
  readonly retrieval: Retrieval;
  /** How many different terms the query has. */
  readonly terms: number;
  readonly found: Found[];
}

/** What fits a query best, at most `top_k`. Expired memories are not there. */
export async function search(
  tx: Tx,
  tenantId: string,
  { query, kinds, top_k: topK }: Omit<RecallInput, 'persona_id'>,
  /** Whose memories, null: those of none; left out: all. */
  personas?: readonly (string | null)[],
  asked?: QueryVector,
): Promise<SearchResult> {
  const spaces = await spacesOf(tx, tenantId, kinds, personas);
  const ranking = await rankTexts(tx, spaces, query);
  const vectors = await asked?.rank(tx, spaces);
  if (vectors !== undefined) {
    const fused = await fuseRankings(ranking, vectors, (refs) => matchesOf(tx, tenantId, refs));
    const found = fused.map(({ match, score, ...of }) => ({ match: { ...match, score }, ...of }));
    return { retrieval: 'hybrid', terms: ranking.terms, found: await inOrder(tx, tenantId, found, topK) };
  }
  const found: Found[] = [];
  while (found.length < topK) {
    const page = await ranking.take(topK);
    const matches = await matchesOf(
      tx,
      tenantId,
      page.map(({ ref }) => ref),
    );
    for (const { ref, score, matched } of page) {
      const match = matches.get(ref);
      if (match !== undefined && found.length < topK)
        found.push({ match: { ...match, score }, matched, isClose: false });
    }
    if (page.length < topK) break;
  }
  return { retrieval: 'lexical', terms: ranking.terms, found: await inOrder(tx, tenantId, found, topK) };
}

/** The best of what was found, each after what came in its place. */
async function inOrder(tx: Tx, tenantId: string, found: Found[], topK: number): Promise<Found[]> {
  const ranked = found.sort((one, other) => byScore(one.match, other.match)).slice(0, topK);
  return (await newestFirst(ranked, (ids) => selectFoundMemories(tx, tenantId, ids))).slice(0, topK);
}

async function spacesOf(
  tx: Tx,
  tenantId: string,
  kinds: RecallInput['kinds'],
  personas: readonly (string | null)[] | undefined,
): Promise<Space[]> {
  const spaces: Space[] = [];
  if (kinds.includes('memory')) {
    const kinds = ['memory'] as const;
    if (personas === undefined) spaces.push(...(await findSpaces(tx, { tenantId, kinds })));
    for (const personaId of new Set(personas)) spaces.push(...(await findSpaces(tx, { tenantId, personaId, kinds })));
  }
  if (kinds.includes('message')) spaces.push(...(await findSpaces(tx, { tenantId, kinds: ['message'] })));
  return spaces;
}

async function matchesOf(tx: Tx, tenantId: string, refs: readonly string[]): Promise<Map<string, RecallMatch>> {
  const { message = [], memory = [] } = Object.groupBy(refs, (ref) => (ref.includes(':') ? 'message' : 'memory'));
  const rows = [
    ...(memory.length > 0 ? await selectFoundMemories(tx, tenantId, memory) : []),
    ...(message.length > 0 ? await selectFoundMessages(tx, tenantId, message) : []),
  ];
  return new Map(rows.map((row) => [row.id, row]));
}

function byScore(one: RecallMatch, other: RecallMatch): number {
  return other.score - one.score || order(other.created_at, one.created_at) || order(other.id, one.id);
}

function order(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
