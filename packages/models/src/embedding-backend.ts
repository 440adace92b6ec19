import { ReeveError } from '@reeve/kit';
import type { EmbedBatch } from './embed-batch.ts';
import { toFault } from './fault.ts';
import type { Limits } from './limits.ts';
import { loadEmbeddingModel } from './providers.ts';
import type { RemoteConfig } from './remote.ts';
import { openTransport, startWatch } from './transport.ts';

/** A provider's embedding model behind its AI SDK package. */
export async function openEmbeddingBackend(remote: RemoteConfig, model: string, limits: Limits): Promise<EmbedBatch> {
  const create = await loadEmbeddingModel(remote);
  const createFetch = openTransport(limits);
  return {
    async send(texts, signal) {
      const controller = new AbortController();
      const abort = () => controller.abort();
      signal.addEventListener('abort', abort, { once: true });
      // Before its headers the transport's own limit holds; then the body must keep coming.
      const watch = startWatch(abort);
      watch.allow(limits.headersMs + limits.idleMs);
      try {
        const embedding = create(model, createFetch(watch));
        const answer = await embedding.doEmbed({ values: [...texts], abortSignal: controller.signal });
        const vectors = answer.embeddings.map((vector) => Float32Array.from(vector));
        requireWhole(vectors, texts.length, remote.provider);
        return { vectors, tokens: answer.usage?.tokens };
      } catch (error) {
        if (controller.signal.aborted && !signal.aborted)
          throw new ReeveError('timeout', `${remote.provider} fell silent in the middle of its answer`, {
            cause: error,
          });
        throw error;
      } finally {
        watch.stop();
        signal.removeEventListener('abort', abort);
        controller.abort();
      }
    },
    explain: (thrown) => toFault(thrown, remote, model),
  };
}

function requireWhole(vectors: readonly Float32Array[], expected: number, provider: string): void {
  const [first] = vectors;
  if (vectors.length === expected && vectors.every(({ length }) => length > 0 && length === first!.length)) return;
  const got = `${vectors.length} vectors for ${expected} texts, of ${[...new Set(vectors.map(({ length }) => length))].join(' and ')} numbers`;
  throw new ReeveError('malformed_answer', `${provider} sent an answer that cannot be used: ${got}`);
}
