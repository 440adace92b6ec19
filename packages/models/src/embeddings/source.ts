import type { Catalog } from '../catalog.ts';
import type { ModelConfig } from '../config.ts';
import { limitsOf } from '../queue/limits-of.ts';
import type { EmbedBatch } from './backend.ts';
import { EMBEDDING_DEFAULTS, type BatchLimits } from './batches.ts';
import { providerTimeouts, type ProviderTimeouts } from '../providers/timeouts.ts';
import { readModelFolder } from '../onnx/folder.ts';
import { embeddingRemote, type CalledModel } from '../targets.ts';

/** A source of vectors, not yet loaded. */
export interface EmbeddingSource {
  readonly target: CalledModel;
  /** Limits of one request. */
  readonly limits: BatchLimits;
  /** The length of its vectors, where it is known in advance. */
  readonly dimensions: number | undefined;
  /** It costs nothing, whatever the table of models says. */
  readonly isFree: boolean;
  /** How the limit on concurrent calls is known. */
  limitOf(catalog: Catalog): ReturnType<typeof limitsOf>;
  load(): Promise<EmbedBatch>;
}

/** Digits of the digest that identify a local model. */
const DIGITS = 12;

/** The source that the settings select. Throws `invalid_request` naming the variable that is missing or invalid. */
export function embeddingSource(
  config: ModelConfig,
  provider: Exclude<ModelConfig['embeddingProvider'], 'none'>,
  timeouts: Partial<ProviderTimeouts> = {},
): EmbeddingSource {
  const batches = EMBEDDING_DEFAULTS[provider];
  if (provider === 'onnx') {
    const folder = readModelFolder(config.embeddingModel);
    return {
      target: { provider, model: `${folder.name}@${folder.digest.slice(0, DIGITS)}` },
      limits: batches,
      dimensions: undefined,
      isFree: true,
      limitOf: () => () => ({ configured: undefined, isLocal: false }),
      load: async () => (await import('../onnx/backend.ts')).openOnnxBackend(folder),
    };
  }
  const remote = embeddingRemote(config, provider);
  const model = config.embeddingModel ?? batches.model!;
  const all = { ...providerTimeouts(config), ...timeouts };
  return {
    target: { provider, model },
    limits: batches,
    dimensions: batches.dimensions[model],
    isFree: false,
    limitOf: (catalog) =>
      limitsOf({ llmMaxConcurrency: undefined }, { remotes: new Map([[remote.provider, remote]]) }, catalog),
    load: async () => (await import('./remote-backend.ts')).openEmbeddingBackend(remote, model, all),
  };
}
