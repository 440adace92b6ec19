import type { RecallBackend, RecallInput, RecallMatch } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { newestFirst } from './care/newest-first.ts';
import { rankExternal } from './external/rank.ts';
import { findTexts, type FoundTexts, type Space } from '@reeve/retrieval';
import { selectFoundMemories, selectFoundMessages, selectNow } from './search-store.ts';
import { findSpaces } from './spaces.ts';
import type { MemoryQuery } from './query-embedders.ts';

/*
 * Searches memories and messages. Of equal scores the newer text ranks first, scores fade with age on request, and a memory that
 * supersedes another ranks ahead of it. Messages are found once the indexer has indexed them, with the messages around them.
 */

/** A search, and its filters. */
export type SearchInput = Pick<RecallInput, 'query' | 'top_k' | 'kinds' | 'half_life_days'> & Filter;
type Filter = Partial<Pick<RecallInput, 'tags' | 'from' | 'to'>>;

/** The best matches of a query, at most `top_k`, without expired memories. */
export async function search(
  tx: Tx,
  tenantId: string,
  { query, kinds, top_k: topK, half_life_days: halfLifeDays, ...filter }: SearchInput,
  /** Whose memories and messages, null: those of none; left out: all. */
  personas?: readonly (string | null)[],
  asked?: MemoryQuery,
): Promise<FoundTexts<RecallMatch> & { backend: RecallBackend }> {
  const spaces = await spacesOf(tx, tenantId, kinds, personas);
  const find = (refs: readonly string[]) => matchesOf(tx, tenantId, refs, personas, filter);
  // A newer match may outrank a better one.
  const count = halfLifeDays === undefined ? topK : topK + FADING_DEPTH;
  const result = await findTexts(tx, spaces, { query, asked, count }, find);
  const shareLeft = await fadingOf(tx, halfLifeDays);
  const ranked = result.found
    .map((one) => {
      const score = one.score * shareLeft(one.match);
      return { ...one, score, match: { ...one.match, score } };
    })
    .sort((one, other) => byScore(one.match, other.match))
    .slice(0, topK);
  const external = kinds.includes('memory') ? asked?.external : undefined;
  const hits = external?.hits;
  const best = hits === undefined ? ranked : await rankExternal(tx, tenantId, hits, ranked, find);
  const ordered = await newestFirst(best.slice(0, topK), (ids) => selectFoundMemories(tx, tenantId, ids));
  // A superseding memory may be outside the time range or have other tags.
  const wanted = ordered.filter(({ match }) => passes(match, filter));
  const backend = external === undefined ? 'built_in' : hits === undefined ? 'fallback' : 'external';
  return { ...result, backend, found: wanted.slice(0, topK) };
}

/** Extra candidates if scores decay. */
const FADING_DEPTH = 100;
const DAY_MS = 86_400_000;

/** The decay factor for a match’s age; 1 without decay. */
async function fadingOf(tx: Tx, halfLifeDays: number | undefined): Promise<(match: RecallMatch) => number> {
  if (halfLifeDays === undefined) return () => 1;
  const at = (await selectNow(tx)).getTime();
  return ({ created_at: createdAt }) => 0.5 ** (Math.max(0, at - Date.parse(createdAt)) / DAY_MS / halfLifeDays);
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
  filter: Filter,
): Promise<Map<string, RecallMatch>> {
  const { message = [], memory = [] } = Object.groupBy(refs, (ref) => (ref.includes(':') ? 'message' : 'memory'));
  const rows = [
    ...(memory.length > 0 ? await selectFoundMemories(tx, tenantId, memory, personas) : []),
    ...(message.length > 0 ? await selectFoundMessages(tx, tenantId, message, personas) : []),
  ];
  return new Map(rows.filter((row) => passes(row, filter)).map((row) => [row.id, row]));
}

function passes({ tags: its, created_at: createdAt }: RecallMatch, { tags = [], from, to }: Filter): boolean {
  const at = Date.parse(createdAt);
  if ((from !== undefined && at < Date.parse(from)) || (to !== undefined && at >= Date.parse(to))) return false;
  return tags.every((tag) => its.includes(tag));
}

function byScore(one: RecallMatch, other: RecallMatch): number {
  return other.score - one.score || order(other.created_at, one.created_at) || order(other.id, one.id);
}

function order(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
