import { ReeveError, sleep as realSleep, type Log } from '@reeve/kit';
import { costNano, type CallLedger, type Price } from '@reeve/ledger';
import { cancelled, startAttempt, type AttemptContext } from '../calls/attempt-recorder.ts';
import { finalFault, type Fault } from '../backend.ts';
import { openCatalog } from '../catalog.ts';
import { createModelBreakers } from '../calls/breakers.ts';
import type { ModelConfig } from '../config.ts';
import type { EmbedBatch, EmbeddedBatch } from './backend.ts';
import { batchTexts } from './batches.ts';
import { embeddingSource } from './source.ts';
import { createModelMetrics } from '../calls/metrics.ts';
import { createLazy } from '../lazy.ts';
import { qualifiedName } from '../model-name.ts';
import { pauseAfter } from '../calls/retry.ts';
import type { OpenOptions } from '../open.ts';
import { createModelQueues, createUnlimitedQueue } from '../queue/model-queues.ts';
import { DEFAULT_TURN, type ModelTurn } from '../queue/turn.ts';
import { estimateTokens } from '../tokens.ts';

/** Texts as vectors, in the order of the texts. */
export interface Embeddings {
  readonly vectors: Float32Array[];
  readonly usage: EmbeddingUsage;
}

export interface EmbeddingUsage {
  readonly inputTokens: number;
  /** The provider reported no count, so it was estimated from the texts. */
  readonly estimated: boolean;
  /** In billionths of a US dollar; null where the price is not known. */
  readonly costNano: number | null;
}

/** Turns text into vectors. Disposing stops a model that runs in this process; later calls fail. */
export interface Embedder extends AsyncDisposable {
  /** `provider/model`; for a local model with the digest of its files, since vectors of different models are not comparable. */
  readonly model: string;
  /** Length of a vector; undefined until it is known. */
  readonly dimensions: number | undefined;
  /** Texts of one batch. */
  readonly maxTexts: number;
  /**
   * Sends batches one after another, each with a ledger row for every attempt and up to three attempts. Throws as a
   * model call does; earlier batches remain charged.
   */
  embed(texts: readonly string[], signal: AbortSignal, ledger?: CallLedger, turn?: ModelTurn): Promise<Embeddings>;
}

/** Opens the embedder that EMBEDDING_PROVIDER selects; null for `none`. Throws `invalid_request` naming every missing variable. */
export function openEmbedder(config: ModelConfig, log: Log, options: OpenOptions = {}): Embedder | null {
  if (config.embeddingProvider === 'none') return null;
  const { target, limits, isFree, ...source } = embeddingSource(config, config.embeddingProvider, options.timeouts);
  const catalog = openCatalog(config.modelsFile, log);
  const metrics = createModelMetrics(() => true);
  const { breakerResetMs: resetMs } = options;
  const onChange = metrics.breaker;
  const breaker = createModelBreakers({ onChange, ...(resetMs !== undefined && { resetMs }) }).of(target);
  const queue = isFree
    ? createUnlimitedQueue()
    : createModelQueues({ limitOf: source.limitOf(catalog), store: options.slots, metrics, log }).of(target);
  const backend = createLazy(source.load);
  let dimensions = source.dimensions;

  return {
    model: qualifiedName(target),
    get dimensions() {
      return dimensions;
    },
    maxTexts: limits.maxTexts,
    async embed(texts, signal, ledger, turn = DEFAULT_TURN) {
      refuseEmpty(texts);
      const price = isFree ? FREE : catalog.priceOf(target);
      let attempts = 0;
      const number = () => (attempts += 1);
      const context = { target, breaker, queue, turn, price, number, ledger, metrics, log };
      const vectors: Float32Array[] = [];
      let inputTokens = 0;
      let estimated = false;
      for (const batch of batchTexts(texts, limits)) {
        const answer = await embedBatch(await backend.get(), batch, context, options, signal);
        vectors.push(...answer.vectors);
        dimensions ??= answer.vectors[0]?.length;
        inputTokens += answer.tokens ?? estimateBatch(batch);
        estimated ||= answer.tokens === undefined;
      }
      const cost = costNano(price, { input: inputTokens, output: 0, cached: 0, reasoning: 0 });
      return { vectors, usage: { inputTokens, estimated, costNano: cost } };
    },
    async [Symbol.asyncDispose]() {
      await (await backend.peek())?.[Symbol.asyncDispose]?.();
    },
  };
}

const FREE: Price = { inputNano: 0, cachedInputNano: 0, outputNano: 0 };

async function embedBatch(
  backend: EmbedBatch,
  texts: readonly string[],
  context: AttemptContext,
  { sleep = realSleep, random = Math.random }: OpenOptions,
  signal: AbortSignal,
): Promise<EmbeddedBatch> {
  let last: Fault | undefined;
  for (let tries = 1; ; tries += 1) {
    const outcome = await embedOnce(backend, texts, context, signal);
    if ('vectors' in outcome) return outcome;
    if (outcome.error.reason === 'circuit_open') throw (last ?? outcome).error;
    last = outcome;
    const pauseMs = pauseAfter(outcome, tries, random);
    if (pauseMs === undefined) throw outcome.error;
    const { reason, message } = outcome.error;
    context.log.warn({ model: context.target.model, tries, reason }, `embedding failed, trying again: ${message}`);
    await sleep(pauseMs, signal);
    if (signal.aborted) throw cancelled(signal);
  }
}

async function embedOnce(
  backend: EmbedBatch,
  texts: readonly string[],
  context: AttemptContext,
  signal: AbortSignal,
): Promise<EmbeddedBatch | Fault> {
  const inputTokens = estimateBatch(texts);
  const recorder = await startAttempt(context, { inputTokens, maxOutputTokens: 0 }, signal);
  if (recorder instanceof ReeveError) return finalFault(recorder, true);
  try {
    const answer = await backend.send(texts, signal);
    const { tokens } = answer;
    await recorder.finish({
      ...recorder.estimate(),
      inputTokens: tokens ?? inputTokens,
      estimated: tokens === undefined,
    });
    return answer;
  } catch (thrown) {
    if (signal.aborted) throw cancelled(signal);
    const fault = backend.explain(thrown);
    await recorder.fail(fault);
    return fault;
  } finally {
    await recorder.stop('cancelled');
  }
}

function estimateBatch(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + estimateTokens(text.length), 0);
}

function refuseEmpty(texts: readonly string[]): void {
  const index = texts.findIndex((text) => text.trim() === '');
  if (index >= 0)
    throw new ReeveError('invalid_request', `text ${index + 1} of ${texts.length} to embed is empty: leave it out`);
}
