import type { KnowledgeBase, KnowledgeMatch, Retrieval } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { sql } from 'kysely';
import { findSpaces, rankTexts } from '../lexical/index.ts';
import { fuseRankings, type QueryVector } from '../vectors/index.ts';
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

/** Chunks that are looked at in one go. */
const PAGE = 100;

/** The chunks that say most about a query, best first; without a vector of it none that has no word of it. */
export async function searchKnowledge(tx: Tx, tenantId: string, query: KnowledgeQuery): Promise<KnowledgeMatch[]> {
  return (await searchKnowledgeWith(tx, tenantId, query)).matches;
}

/** The same, with how they were found. */
export async function searchKnowledgeWith(
  tx: Tx,
  tenantId: string,
  { query, topK, knowledgeBases, personaId, tags = [], asked }: KnowledgeQuery,
): Promise<{ matches: KnowledgeMatch[]; retrieval: Retrieval }> {
  const kinds = knowledgeBases.map(kindOf);
  const spaces = await findSpaces(tx, { tenantId, kinds, ...(personaId !== null && { personaId }) });
  const ranking = await rankTexts(tx, spaces, query);
  const vectors = await asked?.rank(tx, spaces);
  if (vectors !== undefined) {
    const fused = await fuseRankings(ranking, vectors, (refs) => selectMatches(tx, tenantId, refs, tags));
    return { matches: fused.slice(0, topK).map(({ match, score }) => ({ ...match, score })), retrieval: 'hybrid' };
  }
  const matches: KnowledgeMatch[] = [];
  for (let page = await ranking.take(PAGE); page.length > 0 && matches.length < topK; page = await ranking.take(PAGE)) {
    const found = await selectMatches(
      tx,
      tenantId,
      page.map(({ ref }) => ref),
      tags,
    );
    matches.push(...page.flatMap(({ ref, score }) => (found.has(ref) ? [{ ...found.get(ref)!, score }] : [])));
  }
  return { matches: matches.slice(0, topK), retrieval: 'lexical' };
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
