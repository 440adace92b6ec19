import { inTenant, type Database } from '@reeve/db';
import { loadConfig, silentLog } from '@reeve/kit';
import {
  createMatrix,
  ensureSpace,
  fuseRankings,
  indexTexts,
  rankingOf,
  rankTexts,
  unit,
  type VectorRanking,
} from '@reeve/retrieval';
import { modelSettings, openEmbedder } from '@reeve/models';
import type { Contender } from '../contender.ts';

/** Characters of a text that the product embeds. */
const LENGTH = 6_000;

/** Vectors of a model that runs in Reeve, alone and fused with the words as the product does. Disposing ends the model. */
export async function openEmbedded(
  { db }: Database,
  folder: string,
): Promise<{ readonly alone: Contender; readonly hybrid: Contender } & AsyncDisposable> {
  const variables = { EMBEDDING_PROVIDER: 'onnx', EMBEDDING_MODEL: folder };
  const embedder = openEmbedder(loadConfig(modelSettings, variables).config, silentLog)!;
  const tenantId = 'default';
  const space = await inTenant(db, tenantId, (tx) => ensureSpace(tx, { tenantId, ownerId: null, kind: 'domain' }));
  const embed = async (texts: readonly string[]) =>
    (await embedder.embed(texts, new AbortController().signal)).vectors.map((vector) => unit(vector)!);
  let matrix = createMatrix(0, 0);
  const near = async (query: string): Promise<VectorRanking> => {
    const [vector] = await embed([query]);
    return rankingOf([{ refs: matrix.refs, scores: matrix.scores(vector!) }]);
  };
  const add: Contender['add'] = async (documents) => {
    const wordy = documents.filter(({ text }) => text.trim() !== '');
    const vectors = await embed(wordy.map(({ text }) => text.slice(0, LENGTH)));
    matrix = createMatrix(vectors[0]!.length, wordy.length);
    for (const [index, { id }] of wordy.entries()) matrix.put(id, vectors[index]!);
    const texts = documents.map(({ id, text }) => ({ ref: id, fields: [{ text, weight: 1 }] }));
    await inTenant(db, tenantId, (tx) => indexTexts(tx, space, texts));
  };
  return {
    alone: {
      name: `${embedder.model} alone`,
      add,
      search: async (query, count) => (await (await near(query)).take(count)).map(({ ref }) => ref),
    },
    hybrid: {
      name: `Reeve, hybrid with ${embedder.model}`,
      add,
      async search(query, count) {
        const vectors = await near(query);
        return inTenant(db, tenantId, async (tx) => {
          const all = (refs: readonly string[]) => Promise.resolve(new Map(refs.map((ref) => [ref, ref])));
          const fused = await fuseRankings(await rankTexts(tx, [space], query), vectors, all);
          return fused.slice(0, count).map(({ match }) => match);
        });
      },
    },
    [Symbol.asyncDispose]: () => embedder[Symbol.asyncDispose](),
  };
}
