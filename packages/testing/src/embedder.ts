import { ReeveError, sleep } from '@reeve/kit';
import type { Embedder, Embedders } from '@reeve/retrieval';

/*
 * A model that knows a few words by what they mean, and the others not at all: a text is the sum of its words' meanings. It stands
 * at the edge, where a provider would be.
 */

const MEANINGS = [
  ['car', 'automobile', 'vehicle', 'sedan'],
  ['doctor', 'physician', 'surgeon'],
  ['buy', 'purchase', 'acquire', 'bought'],
  ['broken', 'defective', 'faulty', 'damaged'],
  ['holiday', 'vacation', 'leave'],
  ['money', 'cash', 'funds', 'salary'],
];

/** What one text means: a number for each meaning, and a small one that keeps any text from meaning nothing. */
export function vectorOf(text: string, dimensions = MEANINGS.length + 1): Float32Array {
  const vector = new Float32Array(dimensions);
  vector[dimensions - 1] = 0.1;
  for (const word of text.toLowerCase().split(/\W+/)) {
    const meaning = MEANINGS.findIndex((words) => words.includes(word));
    if (meaning >= 0) vector[meaning]! += 1;
  }
  return vector;
}

export interface TestEmbedder extends Embedder {
  /** Every text that it was asked for, by tenant. */
  readonly asked: { readonly tenantId: string; readonly text: string }[];
  /** What it does instead of answering, while set. */
  fault: (() => Promise<never>) | undefined;
  /** How long it takes for each text. */
  textMs: number;
  /** Texts that it refuses. */
  refused: RegExp | undefined;
}

export function createTestEmbedder(model: string, dimensions?: number): TestEmbedder {
  const asked: TestEmbedder['asked'] = [];
  return {
    model,
    maxTexts: Infinity,
    asked,
    fault: undefined,
    textMs: 0,
    refused: undefined,
    async embed(tenantId, texts, signal) {
      if (this.fault !== undefined) return raceAbort(this.fault(), signal);
      if (this.refused !== undefined && texts.some((text) => this.refused!.test(text)))
        throw new ReeveError('invalid_request', 'no such text');
      if (this.textMs > 0) await sleep(this.textMs * texts.length, signal);
      if (signal.aborted) throw new ReeveError('cancelled', 'cancelled');
      asked.push(...texts.map((text) => ({ tenantId, text })));
      return texts.map((text) => vectorOf(text, dimensions));
    },
  };
}

/** Those that an installation has, of which one is wanted. */
export function embeddersOf(wanted: Embedder, ...others: readonly Embedder[]): Embedders {
  return { wanted, of: (name) => [wanted, ...others].find(({ model }) => model === name) };
}

function raceAbort(fault: Promise<never>, signal: AbortSignal): Promise<never> {
  const aborted = new Promise<never>((_, reject) =>
    signal.addEventListener('abort', () => reject(new ReeveError('cancelled', 'cancelled')), { once: true }),
  );
  return Promise.race([fault, aborted]);
}
