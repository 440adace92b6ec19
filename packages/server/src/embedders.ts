import { dirname, join } from 'node:path';
import { newTraceId, ReeveError, type Log } from '@reeve/kit';
import type { Embedder, Embedders } from '@reeve/retrieval';
import { openEmbedder, type Embedder as ModelEmbedder, type ModelConfig } from '@reeve/models';
import type { SlotStore } from '@reeve/limits';
import type { CallLedger, CallOwner } from '@reeve/ledger';

/**
 * The embedders that the settings allow, on their tenants' accounts; undefined where there are none. Throws `invalid_request` that
 * names what the wanted one lacks. `opened` is the wanted one as it is, for calls on other accounts. Disposing ends those that run here.
 */
export function openEmbedders(
  config: ModelConfig,
  log: Log,
  ledgerFor: (owner: CallOwner) => CallLedger,
  slots?: SlotStore,
): (Embedders & AsyncDisposable & { readonly opened: ModelEmbedder }) | undefined {
  const stack = new AsyncDisposableStack();
  const opened = openEmbedder(config, log, { slots });
  if (opened === null) return undefined;
  const onAccount = (embedder: NonNullable<typeof opened>): Embedder => {
    const { model, maxTexts, embed } = stack.use(embedder);
    return {
      model,
      maxTexts,
      async embed(tenantId, texts, signal, rank = 'background') {
        const nothing = { agentId: null, personaId: null, runId: null, rootRunId: null, step: null };
        const ledger = ledgerFor({ tenantId, userId: 'memory', traceId: newTraceId(), ...nothing });
        return (await embed(texts, signal, ledger, { tenantId, rank })).vectors;
      },
    };
  };
  const wanted = onAccount(opened);
  const known = new Map<string, Embedder | undefined>([[wanted.model, wanted]]);
  return {
    opened,
    wanted,
    of(model) {
      if (!known.has(model)) known.set(model, openFormer(model));
      return known.get(model);
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };

  /** One of before: its provider may have lost its key since. */
  function openFormer(model: string): Embedder | undefined {
    const slash = model.indexOf('/');
    const embeddingProvider = model.slice(0, slash) as ModelConfig['embeddingProvider'];
    const name = model.slice(slash + 1);
    const embeddingModel = embeddingProvider === 'onnx' ? folderOf(name, config) : name;
    try {
      const former = openEmbedder({ ...config, embeddingProvider, embeddingModel }, log, { slots });
      if (former !== null && former.model !== model)
        throw new ReeveError('invalid_request', `the files of ${former.model} are others`);
      return former === null ? undefined : onAccount(former);
    } catch (error) {
      log.warn(
        { model, reason: ReeveError.from(error).message },
        'what has been embedded with this model is not searched',
      );
      return undefined;
    }
  }
}

/** A model that ran here is looked for beside the one that is wanted; its name is that of its folder, `@` and its digest. */
function folderOf(name: string, { embeddingProvider, embeddingModel }: ModelConfig): string | undefined {
  if (embeddingProvider !== 'onnx' || embeddingModel === undefined) return undefined;
  return join(dirname(embeddingModel), name.slice(0, name.lastIndexOf('@')));
}
