import { ReeveError, sleep as realSleep, type Log } from '@reeve/kit';
import { costNano, type CallLedger, type Price } from '@reeve/ledger';
import { cancelled, openAccount, type Books } from './account.ts';
import { finalFault, type Fault } from './backend.ts';
import { openCatalog } from './catalog.ts';
import { createCircuits } from './circuits.ts';
import type { ModelConfig } from './config.ts';
import { batchTexts } from './embedding-batches.ts';
import { embeddingSource } from './embedding-source.ts';
import { createInstruments } from './instruments.ts';
import { createLazy } from './lazy.ts';
import { qualifiedName } from './model-name.ts';
import { pauseAfter } from './retry.ts';
import type { OpenOptions } from './open.ts';
import { estimateTokens } from './tokens.ts';

/** Texts as vectors, in the order of the texts. */
export interface Embeddings {
  readonly vectors: Float32Array[];
  readonly usage: EmbeddingUsage;
}

export interface EmbeddingUsage {
  readonly inputTokens: number;
  /** The provider did not say: it was estimated from the texts. */
  readonly estimated: boolean;
  /** In billionths of a US dollar; null where the price is not known. */
  readonly costNano: number | null;
}

/** Turns text into vectors. Disposing ends what runs a model here; nothing can be asked then. */
export interface Embedder extends AsyncDisposable {
  /** `provider/model`, of a model that runs here with its files' digest: vectors of different models cannot be compared. */
  readonly model: string;
  /** Length of a vector; undefined until it is known. */
  readonly dimensions: number | undefined;
  /** Texts of one batch. */
  readonly maxTexts: number;
  /**
   * Asks in batches, one after another, each with its own row in the ledger and up to three attempts. Throws as a
   * model call does; what earlier batches cost is paid then.
   */
  embed(texts: readonly string[], signal: AbortSignal, ledger?: CallLedger): Promise<Embeddings>;
}

/** The embedder that EMBEDDING_PROVIDER asks for; null where it is `none`. Throws `invalid_request` naming every variable which is missing. */
export function openEmbedder(config: ModelConfig, log: Log, options: OpenOptions = {}): Embedder | null {
  if (config.embeddingProvider === 'none') return null;
  const { target, limits, isFree, ...source } = embeddingSource(config, config.embeddingProvider, options.limits);
  const catalog = openCatalog(config.modelsFile, log);
  const instruments = createInstruments(() => true);
  const { circuitResetMs: resetMs } = options;
  const onChange = instruments.circuit;
  const breaker = createCircuits({ onChange, ...(resetMs !== undefined && { resetMs }) }).of(target);
  const backend = createLazy(source.load);
  let dimensions = source.dimensions;

  return {
    model: qualifiedName(target),
    get dimensions() {
      return dimensions;
    },
    maxTexts: limits.maxTexts,
    async embed(texts, signal, ledger) {
      refuseEmpty(texts);
      const price = isFree ? FREE : catalog.priceOf(target);
      let attempts = 0;
      const number = () => (attempts += 1);
      const books = { target, breaker, price, number, ledger, instruments, log };
      const vectors: Float32Array[] = [];
      let inputTokens = 0;
      let estimated = false;
      for (const batch of batchTexts(texts, limits)) {
        const answer = await embedBatch(await backend.get(), batch, books, options, signal);
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

/** One request to an embedding provider. */
export interface EmbedBatch extends Partial<AsyncDisposable> {
  send(texts: readonly string[], signal: AbortSignal): Promise<EmbeddedBatch>;
  explain(thrown: unknown): Fault;
}

export interface EmbeddedBatch {
  readonly vectors: readonly Float32Array[];
  /** Undefined where the provider did not say. */
  readonly tokens: number | undefined;
}

async function embedBatch(
  backend: EmbedBatch,
  texts: readonly string[],
  books: Books,
  { sleep = realSleep, random = Math.random }: OpenOptions,
  signal: AbortSignal,
): Promise<EmbeddedBatch> {
  let last: Fault | undefined;
  for (let tries = 1; ; tries += 1) {
    const outcome = await embedOnce(backend, texts, books, signal);
    if ('vectors' in outcome) return outcome;
    if (outcome.error.reason === 'circuit_open') throw (last ?? outcome).error;
    last = outcome;
    const pauseMs = pauseAfter(outcome, tries, random);
    if (pauseMs === undefined) throw outcome.error;
    const { reason, message } = outcome.error;
    books.log.warn({ model: books.target.model, tries, reason }, `embedding failed, trying again: ${message}`);
    await sleep(pauseMs, signal);
    if (signal.aborted) throw cancelled(signal);
  }
}

async function embedOnce(
  backend: EmbedBatch,
  texts: readonly string[],
  books: Books,
  signal: AbortSignal,
): Promise<EmbeddedBatch | Fault> {
  const inputTokens = estimateBatch(texts);
  const account = await openAccount(books, { inputTokens, maxOutputTokens: 0 }, signal);
  if (account instanceof ReeveError) return finalFault(account, true);
  try {
    const answer = await backend.send(texts, signal);
    const { tokens } = answer;
    await account.finish({
      ...account.estimate(),
      inputTokens: tokens ?? inputTokens,
      estimated: tokens === undefined,
    });
    return answer;
  } catch (thrown) {
    if (signal.aborted) throw cancelled(signal);
    const fault = backend.explain(thrown);
    await account.fail(fault);
    return fault;
  } finally {
    await account.leave('cancelled');
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
