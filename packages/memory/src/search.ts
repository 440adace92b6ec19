import type { RecallInput, RecallMatch } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { newestFirst } from './care/newest-first.ts';
import { rankTexts, type RankedText } from './lexical/rank.ts';
import { findSpaces } from './lexical/space.ts';
import { selectFoundMemories, selectFoundMessages } from './search-store.ts';

/*
 * Lexical search: a text matches where it has any of the query's terms, and ranks by BM25 over all that is searched. Equal ranks go
 * to the newer one, and what came in the place of a memory stands before it. What was said in sessions is found once the indexer has been there, with what was said around it.
 */

/** A match and how many different terms of the query it has. */
export interface Found {
  readonly match: RecallMatch;
  readonly matched: number;
}

/** What fits a query best, at most `top_k`, with how many different terms the query has. Expired memories are not there. */
export async function search(
  tx: Tx,
  tenantId: string,
  { query, kinds, top_k: topK }: Omit<RecallInput, 'persona_id'>,
  /** Whose memories, null: those of none; left out: all. */
  personas?: readonly (string | null)[],
): Promise<{ terms: number; found: Found[] }> {
  const spaces = [];
  if (kinds.includes('memory')) {
    const kinds = ['memory'] as const;
    if (personas === undefined) spaces.push(...(await findSpaces(tx, { tenantId, kinds })));
    for (const personaId of new Set(personas)) spaces.push(...(await findSpaces(tx, { tenantId, personaId, kinds })));
  }
  if (kinds.includes('message')) spaces.push(...(await findSpaces(tx, { tenantId, kinds: ['message'] })));
  const ranking = await rankTexts(tx, spaces, query);
  const found: Found[] = [];
  while (found.length < topK) {
    const page = await ranking.take(topK);
    const matches = await matchesOf(tx, tenantId, page);
    for (const { ref, score, matched } of page) {
      const match = matches.get(ref);
      if (match !== undefined && found.length < topK) found.push({ match: { ...match, score }, matched });
    }
    if (page.length < topK) break;
  }
  const ranked = found.sort((one, other) => byScore(one.match, other.match));
  const ordered = await newestFirst(ranked, (ids) => selectFoundMemories(tx, tenantId, ids));
  return { terms: ranking.terms, found: ordered.slice(0, topK) };
}

async function matchesOf(tx: Tx, tenantId: string, page: readonly RankedText[]): Promise<Map<string, RecallMatch>> {
  const { message = [], memory = [] } = Object.groupBy(page, ({ ref }) => (ref.includes(':') ? 'message' : 'memory'));
  const refs = (texts: readonly RankedText[]) => texts.map(({ ref }) => ref);
  const rows = [
    ...(memory.length > 0 ? await selectFoundMemories(tx, tenantId, refs(memory)) : []),
    ...(message.length > 0 ? await selectFoundMessages(tx, tenantId, refs(message)) : []),
  ];
  return new Map(rows.map((row) => [row.id, row]));
}

function byScore(one: RecallMatch, other: RecallMatch): number {
  return other.score - one.score || order(other.created_at, one.created_at) || order(other.id, one.id);
}

function order(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
