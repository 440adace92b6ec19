import { newTraceId, ReeveError, type Log } from '@reeve/kit';
import type { Embedder, Embedders } from '@reeve/memory';
import { openEmbedder, type ModelConfig } from '@reeve/models';
import type { CallLedger, CallOwner } from '@reeve/tenancy';

/**
 * The embedders that the settings allow, on their tenants' accounts; undefined where there are none. Throws `invalid_request` that
 * names what the wanted one lacks.
 */
export function openEmbedders(
  config: ModelConfig,
  log: Log,
  ledgerFor: (owner: CallOwner) => CallLedger,
): Embedders | undefined {
  const opened = openEmbedder(config, log);
  if (opened === null) return undefined;
  const onAccount = ({ model, embed }: NonNullable<typeof opened>): Embedder => ({
    model,
    async embed(tenantId, texts, signal) {
      const nothing = { agentId: null, personaId: null, runId: null, rootRunId: null, step: null };
      const ledger = ledgerFor({ tenantId, userId: 'memory', traceId: newTraceId(), ...nothing });
      return (await embed(texts, signal, ledger)).vectors;
    },
  });
  const wanted = onAccount(opened);
  const known = new Map<string, Embedder | undefined>([[wanted.model, wanted]]);
  return {
    wanted,
    of(model) {
      if (!known.has(model)) known.set(model, openFormer(model));
      return known.get(model);
    },
  };

  /** One of before: its provider may have lost its key since. */
  function openFormer(model: string): Embedder | undefined {
    const slash = model.indexOf('/');
    const embeddingProvider = model.slice(0, slash) as ModelConfig['embeddingProvider'];
    try {
      const former = openEmbedder({ ...config, embeddingProvider, embeddingModel: model.slice(slash + 1) }, log);
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
