import { routes, type EmbeddingsRequest } from '@reeve/contract';
import type { App } from '@reeve/http';
import { invalidField, ReeveError } from '@reeve/kit';
import type { Embedder } from '@reeve/models';
import { ownerOf } from './model-call.ts';
import type { ProtocolParts } from './protocol.ts';

/** Mounts OpenAI’s embeddings, by the embedding model that the settings name. */
export function mountEmbeddings(app: App, { embedder, ledgerFor }: ProtocolParts): void {
  app.mount(routes.createEmbeddings, async (call) => {
    const { body, signal } = call;
    if (embedder === undefined)
      throw new ReeveError(
        'invalid_request',
        'this server has no embedding model: set EMBEDDING_PROVIDER and EMBEDDING_MODEL, and start it again',
      );
    requireModel(embedder, body);
    const texts = typeof body.input === 'string' ? [body.input] : body.input;
    const { vectors, usage } = await embedder.embed(texts, signal, ledgerFor(ownerOf(call)));
    const dimensions = vectors[0]?.length;
    if (body.dimensions != null && body.dimensions !== dimensions)
      throw invalidField('dimensions', `${embedder.model} has ${dimensions} dimensions only`);
    return {
      object: 'list' as const,
      data: vectors.map((vector, index) => ({
        object: 'embedding' as const,
        index,
        embedding: body.encoding_format === 'base64' ? base64(vector) : [...vector],
      })),
      model: embedder.model,
      usage: { prompt_tokens: usage.inputTokens, total_tokens: usage.inputTokens },
    };
  });
}

/** Throws `not_found` for another model than the one that there is, and `invalid_request` for a length that it is known not to have. */
function requireModel({ model, dimensions }: Embedder, asked: EmbeddingsRequest): void {
  const name = model.slice(model.indexOf('/') + 1);
  if (asked.model != null && asked.model !== model && asked.model !== name)
    throw new ReeveError('not_found', `there is no embedding model ${asked.model} here; it is ${model}`, {
      details: [{ path: 'model', message: `must be ${model}` }],
    });
  if (asked.dimensions != null && dimensions !== undefined && asked.dimensions !== dimensions)
    throw invalidField('dimensions', `${model} has ${dimensions} dimensions only`);
}

function base64(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString('base64');
}
