import type { KnowledgeBase, KnowledgeMatch, Retrieval } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { sql } from 'kysely';
import { findSpaces, rankTexts } from '../lexical/index.ts';
import { fuseRankings, type QueryVector } from '../vectors/index.ts';
import { isTelling, type Telling } from '../search.ts';
import { kindOf } from './base.ts';

/** What to look for, and where. */
export interface KnowledgeQuery {
  readonly query: string;
  readonly topK: number;
  readonly knowledgeBases: readonly KnowledgeBase[];
  /** Null: all personas of the tenant. */
  readonly personaId: string | null;
  /** Only documents that have all of them. */
  readonly tags?: readonly string[];
  /** The query as a vector, where it has one. */
  readonly asked?: QueryVector | undefined;
}

/** Chunks that are looked at at first; where few of them may be answered, ever more at a time. */
const PAGE = 100;
const LARGEST_PAGE = 3_200;

/** What was found, and how. */
interface FoundChunks {
  readonly retrieval: Retrieval;
  /** How many different terms the query has. */
  readonly terms: number;
  readonly found: readonly (Telling & { readonly match: KnowledgeMatch })[];
}

/** The chunks that say most about a query, best first; without a vector of it none that has no word of it. */
export async function searchKnowledge(tx: Tx, tenantId: string, query: KnowledgeQuery): Promise<KnowledgeMatch[]> {
  return (await searchKnowledgeWith(tx, tenantId, query)).matches;
}

/** The same, with how they were found. */
export async function searchKnowledgeWith(
  tx: Tx,
  tenantId: string,
  query: KnowledgeQuery,
): Promise<{ matches: KnowledgeMatch[]; retrieval: Retrieval }> {
  const { found, retrieval } = await findChunks(tx, tenantId, query);
  return { matches: found.map(({ match }) => match), retrieval };
}

/** Those of them that have more to do with the query than a word by chance. */
export async function tellingChunks(tx: Tx, tenantId: string, query: KnowledgeQuery): Promise<KnowledgeMatch[]> {
  const { found, terms } = await findChunks(tx, tenantId, query);
  return found.filter((one) => isTelling(one, terms)).map(({ match }) => match);
}

async function findChunks(
  tx: Tx,
  tenantId: string,
  { query, topK, knowledgeBases, personaId, tags = [], asked }: KnowledgeQuery,
): Promise<FoundChunks> {
  const kinds = knowledgeBases.map(kindOf);
  const spaces = await findSpaces(tx, { tenantId, kinds, ...(personaId !== null && { personaId }) });
  const ranking = await rankTexts(tx, spaces, query);
  const { terms } = ranking;
  const matchesOf = (refs: readonly string[]) => selectMatches(tx, tenantId, refs, tags);
  const vectors = await asked?.rank(tx, spaces);
  if (vectors !== undefined) {
    const fused = await fuseRankings(ranking, vectors, matchesOf);
    const found = fused.slice(0, topK).map(({ match, score, ...of }) => ({ ...of, match: { ...match, score } }));
    return { retrieval: 'hybrid', terms, found };
  }
  const found: FoundChunks['found'][number][] = [];
  for (let size = PAGE; found.length < topK; size = Math.min(2 * size, LARGEST_PAGE)) {
    const page = await ranking.take(size);
    const matches = await matchesOf(page.map(({ ref }) => ref));
    for (const { ref, score, matched } of page) {
      const match = matches.get(ref);
      if (match !== undefined) found.push({ match: { ...match, score }, matched, isClose: false });
    }
    if (page.length < size) break;
  }
  return { retrieval: 'lexical', terms, found: found.slice(0, topK) };
}

async function selectMatches(
  tx: Tx,
  tenantId: string,
  ids: readonly string[],
  tags: readonly string[],
): Promise<Map<string, Omit<KnowledgeMatch, 'score'>>> {
  const { rows } = await sql<Omit<KnowledgeMatch, 'score'>>`
    select c.id, c.document_id, d.persona_id, d.knowledge_base, d.title, c.headings, c.text, d.source, c.position, c.page, d.tags
    from chunks c join documents d on d.id = c.document_id
    where c.tenant_id = ${tenantId} and c.id = any(${[...ids]}::uuid[]) and d.tags @> ${[...tags]}::text[]`.execute(tx);
  return new Map(rows.map((row) => [row.id, row]));
}
