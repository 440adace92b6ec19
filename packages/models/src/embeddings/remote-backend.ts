import { ReeveError } from '@reeve/kit';
import type { EmbedBatch } from './backend.ts';
import { toFault } from '../providers/fault.ts';
import type { ProviderTimeouts } from '../providers/timeouts.ts';
import { loadEmbeddingModel } from '../providers/load-provider.ts';
import type { RemoteConfig } from '../targets.ts';
import { openTransport, startStallTimer } from '../providers/transport.ts';

/** A provider's embedding model behind its AI SDK package. */
export async function openEmbeddingBackend(
  remote: RemoteConfig,
  model: string,
  timeouts: ProviderTimeouts,
): Promise<EmbedBatch> {
  const create = await loadEmbeddingModel(remote);
  const createFetch = openTransport(timeouts);
  return {
    async send(texts, signal) {
      const controller = new AbortController();
      const abort = () => controller.abort();
      signal.addEventListener('abort', abort, { once: true });
      // The transport's headers timeout covers the time before the headers; then the body must keep arriving.
      const stall = startStallTimer(abort);
      stall.setLimit(timeouts.headersMs + timeouts.idleMs);
      try {
        const embedding = create(model, createFetch(stall));
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
        stall.stop();
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
