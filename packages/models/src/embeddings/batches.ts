import type { EmbeddingProvider } from '../config.ts';
import { estimateTokens } from '../tokens.ts';

/** Upper bounds of one request. */
export interface BatchLimits {
  readonly maxTexts: number;
  readonly maxTokens: number;
}

interface EmbeddingDefaults extends BatchLimits {
  /** The default where EMBEDDING_MODEL is unset. */
  readonly model: string | undefined;
  /** Vector lengths by model. */
  readonly dimensions: Readonly<Record<string, number>>;
}

/** Token limits stay below the documented ones, since our counts are estimates. */
export const EMBEDDING_DEFAULTS: Readonly<Record<EmbeddingProvider, EmbeddingDefaults>> = {
  openai: {
    model: 'text-embedding-3-small',
    dimensions: { 'text-embedding-3-small': 1_536, 'text-embedding-3-large': 3_072 },
    maxTexts: 2_048,
    maxTokens: 200_000,
  },
  google: {
    model: 'gemini-embedding-001',
    dimensions: { 'gemini-embedding-001': 3_072 },
    maxTexts: 100,
    maxTokens: Number.POSITIVE_INFINITY,
  },
  // Servers differ; few accept less than this.
  'openai-compatible': { model: undefined, dimensions: {}, maxTexts: 32, maxTokens: 50_000 },
  // A large model takes seconds for a text.
  onnx: { model: undefined, dimensions: {}, maxTexts: 8, maxTokens: 20_000 },
};

/** Splits texts, in order, into as few batches as the limits allow. A text above the limit is a batch by itself. */
export function batchTexts(texts: readonly string[], { maxTexts, maxTokens }: BatchLimits): string[][] {
  const batches: string[][] = [];
  let tokens = 0;
  for (const text of texts) {
    const more = estimateTokens(text.length);
    const last = batches.at(-1);
    if (last === undefined || last.length >= maxTexts || tokens + more > maxTokens) {
      batches.push([text]);
      tokens = more;
    } else {
      last.push(text);
      tokens += more;
    }
  }
  return batches;
}
