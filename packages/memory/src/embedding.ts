import type { Database } from '@reeve/db';
import type { Log } from '@reeve/kit';
import { startEmbedding, type Embedders, type EmbeddingOptions } from '@reeve/retrieval';
import { readSpaceTexts } from './space-texts.ts';

/** Computes the vectors of memories, messages, documents and playbooks in the background, until disposed. */
export function startMemoryEmbedding(
  database: Database,
  embedders: Embedders,
  log: Log,
  options?: EmbeddingOptions,
): AsyncDisposable {
  return startEmbedding(database, embedders, readSpaceTexts, log, options);
}
