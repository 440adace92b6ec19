import type { ModelConfig } from './config.ts';
import type { EmbedBatch } from './embed-batch.ts';
import { EMBEDDING_DEFAULTS, type BatchLimits } from './embedding-batches.ts';
import { limitsOf, type Limits } from './limits.ts';
import { readModelFolder } from './onnx/folder.ts';
import { embeddingRemote, type CalledModel } from './remote.ts';

/** What makes vectors, before anything of it is loaded. */
export interface EmbeddingSource {
  readonly target: CalledModel;
  /** Of one request. */
  readonly limits: BatchLimits;
  /** Where it is known beforehand. */
  readonly dimensions: number | undefined;
  /** It costs nothing, whatever the table of models says. */
  readonly isFree: boolean;
  load(): Promise<EmbedBatch>;
}

/** Digits of a digest that tell models apart. */
const DIGITS = 12;

/** The source that the settings name. Throws `invalid_request` naming the variable where something is missing or cannot be used. */
export function embeddingSource(
  config: ModelConfig,
  provider: Exclude<ModelConfig['embeddingProvider'], 'none'>,
  limits: Partial<Limits> = {},
): EmbeddingSource {
  const batches = EMBEDDING_DEFAULTS[provider];
  if (provider === 'onnx') {
    const folder = readModelFolder(config.embeddingModel);
    return {
      target: { provider, model: `${folder.name}@${folder.digest.slice(0, DIGITS)}` },
      limits: batches,
      dimensions: undefined,
      isFree: true,
      load: async () => (await import('./onnx/backend.ts')).openOnnxBackend(folder),
    };
  }
  const remote = embeddingRemote(config, provider);
  const model = config.embeddingModel ?? batches.model!;
  const patience = { ...limitsOf(config), ...limits };
  return {
    target: { provider, model },
    limits: batches,
    dimensions: batches.dimensions[model],
    isFree: false,
    load: async () => (await import('./embedding-backend.ts')).openEmbeddingBackend(remote, model, patience),
  };
}
