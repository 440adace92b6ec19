import type { RecallInput } from '@reeve/contract';
import type { EmbedQuery, QueryVector } from '@reeve/retrieval';
import type { ExternalAnswer } from './external/answer.ts';

/** A query for memories as a vector, and what the external memory answered to it, if there is one. */
export interface MemoryQuery extends QueryVector {
  readonly external?: ExternalAnswer | undefined;
}

/** Embeds a query, outside of any transaction; asks the external memory at the same time, if there is one. Undefined: search by words alone. */
export type EmbedMemoryQuery = (
  tenantId: string,
  query: string,
  signal?: AbortSignal,
) => Promise<MemoryQuery | undefined>;

/** Embeds queries before they are searched for. Without an embedder the search is lexical. */
export interface QueryEmbedders {
  /** For memories. */
  readonly embedQuery?: EmbedMemoryQuery | undefined;
  /** For everything else, which an external memory neither stores nor has to be asked about. */
  readonly embedKnowledgeQuery?: EmbedQuery | undefined;
}

/** The embedder for a search of these kinds. */
export function embedderFor(
  { embedQuery, embedKnowledgeQuery }: QueryEmbedders,
  kinds: RecallInput['kinds'],
): EmbedMemoryQuery | undefined {
  return kinds.includes('memory') ? embedQuery : embedKnowledgeQuery;
}
