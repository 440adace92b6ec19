import type { RecallInput } from '@reeve/contract';
import type { EmbedQuery, QueryVector } from '@reeve/retrieval';
import type { ExternalAnswer } from './external/answer.ts';

/** The vector of a memory query, and the external memory’s answer, if there is one. */
export interface MemoryQuery extends QueryVector {
  readonly external?: ExternalAnswer | undefined;
}

/** Embeds a query outside of any transaction, and queries the external memory in parallel, if there is one. Undefined: search by words only. */
export type EmbedMemoryQuery = (
  tenantId: string,
  query: string,
  signal?: AbortSignal,
) => Promise<MemoryQuery | undefined>;

/** Embeds queries before they are searched for. Without an embedder the search is lexical. */
export interface QueryEmbedders {
  /** For memories. */
  readonly embedQuery?: EmbedMemoryQuery | undefined;
  /** For other searches, which an external memory does not cover. */
  readonly embedKnowledgeQuery?: EmbedQuery | undefined;
}

/** The embedder for a search of these kinds. */
export function embedderFor(
  { embedQuery, embedKnowledgeQuery }: QueryEmbedders,
  kinds: RecallInput['kinds'],
): EmbedMemoryQuery | undefined {
  return kinds.includes('memory') ? embedQuery : embedKnowledgeQuery;
}
