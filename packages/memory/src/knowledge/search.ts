import type { KnowledgeBase, KnowledgeMatch, Retrieval } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { sql } from 'kysely';
import { findTexts, isTelling, type FoundTexts, type QueryVector } from '@reeve/retrieval';
import { kindOf } from './base.ts';
import { findSpaces } from '../spaces.ts';

/** A search in knowledge bases. */
export interface KnowledgeQuery {
  readonly query: string;
  readonly topK: number;
  readonly knowledgeBases: readonly KnowledgeBase[];
  /** Null: all personas of the tenant. */
  readonly personaId: string | null;
  /** Only documents that have all of them. */
  readonly tags?: readonly string[];
  /** Only documents whose content last changed then or later, and before; RFC 3339. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** The query’s vector, if it has one. */
  readonly asked?: QueryVector | undefined;
}

/** The best chunks for a query, with how they were found; without a vector each contains a word of the query. */
export async function searchKnowledge(
  tx: Tx,
  tenantId: string,
  query: KnowledgeQuery,
): Promise<{ matches: KnowledgeMatch[]; retrieval: Retrieval }> {
  const { found, retrieval } = await findChunks(tx, tenantId, query);
  return { matches: found.map(scored), retrieval };
}

/** Those of them that have more to do with the query than a word by chance. */
export async function tellingChunks(tx: Tx, tenantId: string, query: KnowledgeQuery): Promise<KnowledgeMatch[]> {
  const { found, terms } = await findChunks(tx, tenantId, query);
  return found.filter((one) => isTelling(one, terms)).map(scored);
}

type DocumentFilter = Pick<KnowledgeQuery, 'tags' | 'from' | 'to'>;
type Chunk = Omit<KnowledgeMatch, 'score'>;

function scored({ match, score }: { readonly match: Chunk; readonly score: number }): KnowledgeMatch {
  return { ...match, score };
}

async function findChunks(
  tx: Tx,
  tenantId: string,
  { query, topK, knowledgeBases, personaId, asked, ...filter }: KnowledgeQuery,
): Promise<FoundTexts<Chunk>> {
  const kinds = knowledgeBases.map(kindOf);
  const spaces = await findSpaces(tx, { tenantId, kinds, ...(personaId !== null && { personaId }) });
  const result = await findTexts(tx, spaces, { query, asked, count: topK }, (refs) =>
    selectMatches(tx, tenantId, refs, filter),
  );
  return { ...result, found: result.found.slice(0, topK) };
}

async function selectMatches(
  tx: Tx,
  tenantId: string,
  ids: readonly string[],
  { tags = [], from, to }: DocumentFilter,
): Promise<Map<string, Chunk>> {
  const { rows } = await sql<Chunk>`
    select c.id, d.id as document_id, d.persona_id, d.knowledge_base, d.title, c.headings, c.text, d.source, p.position, p.page, d.tags
    from chunks c join chunk_places p on p.chunk_id = c.id join documents d on d.version_id = p.version_id
    where c.tenant_id = ${tenantId} and c.id = any(${[...ids]}::uuid[]) and d.tags @> ${[...tags]}::text[]
      and d.updated_at >= coalesce(${from ?? null}::timestamptz, '-infinity') and d.updated_at < coalesce(${to ?? null}::timestamptz, 'infinity')`.execute(
    tx,
  );
  return new Map(rows.map((row) => [row.id, row]));
}
