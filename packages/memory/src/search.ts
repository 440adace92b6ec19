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
export interface Found extends Telling {
  readonly match: RecallMatch;
}

/** How much something that was found has to do with a query. */
export interface Telling {
  readonly matched: number;
  readonly isClose: boolean;
}

/** Terms that a text has to share with a prompt: one may be chance, a common word of a long prompt in a long text. */
const SHARED_TERMS = 2;

/** Whether to show a model what was found: it shares enough of the query's terms, or all where there are fewer, or its vector is close. */
export function isTelling({ matched, isClose }: Telling, terms: number): boolean {
  return isClose || (matched > 0 && matched >= Math.min(SHARED_TERMS, terms));
}

/** What was found, and how. */
export interface SearchResult {
  readonly retrieval: Retrieval;
  /** How many different terms the query has. */
  readonly terms: number;
  readonly found: Found[];
}

/** What is looked at at a time, at most, where little of it may be answered. */
const LARGEST_PAGE = 3_200;

/** What fits a query best, at most `top_k`. Expired memories are not there. */
export async function search(
  tx: Tx,
  tenantId: string,
  { query, kinds, top_k: topK }: Omit<RecallInput, 'persona_id'>,
  /** Whose memories and messages, null: those of none; left out: all. */
  personas?: readonly (string | null)[],
  asked?: QueryVector,
): Promise<SearchResult> {
  const spaces = await spacesOf(tx, tenantId, kinds, personas);
  const ranking = await rankTexts(tx, spaces, query);
  const vectors = await asked?.rank(tx, spaces);
  if (vectors !== undefined) {
    const fused = await fuseRankings(ranking, vectors, (refs) => matchesOf(tx, tenantId, refs, personas));
    const found = fused.map(({ match, score, ...of }) => ({ match: { ...match, score }, ...of }));
    return { retrieval: 'hybrid', terms: ranking.terms, found: await inOrder(tx, tenantId, found, topK) };
  }
  const found: Found[] = [];
  for (let size = topK; found.length < topK; size = Math.min(2 * size, LARGEST_PAGE)) {
    const page = await ranking.take(size);
    const matches = await matchesOf(
      tx,
      tenantId,
      page.map(({ ref }) => ref),
      personas,
    );
    for (const { ref, score, matched } of page) {
      const match = matches.get(ref);
      if (match !== undefined && found.length < topK)
        found.push({ match: { ...match, score }, matched, isClose: false });
    }
    if (page.length < size) break;
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

async function matchesOf(
  tx: Tx,
  tenantId: string,
  refs: readonly string[],
  personas: readonly (string | null)[] | undefined,
): Promise<Map<string, RecallMatch>> {
  const { message = [], memory = [] } = Object.groupBy(refs, (ref) => (ref.includes(':') ? 'message' : 'memory'));
  const rows = [
    ...(memory.length > 0 ? await selectFoundMemories(tx, tenantId, memory) : []),
    ...(message.length > 0 ? await selectFoundMessages(tx, tenantId, message, personas) : []),
  ];
  return new Map(rows.map((row) => [row.id, row]));
}

function byScore(one: RecallMatch, other: RecallMatch): number {
  return other.score - one.score || order(other.created_at, one.created_at) || order(other.id, one.id);
}

function order(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
