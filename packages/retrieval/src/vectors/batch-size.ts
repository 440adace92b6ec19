import type { Embedder } from './embedder.ts';

/*
 * How many texts an embedder is given at once
 *
 *   64, or as many as it takes ──late──► half of them ──late──► … ──late──► one
 *                              ◄──── done in a quarter of the time ────
 *
 * So one that is slow, or on a machine that is busy, makes some vectors in any case.
 */

/** Finds out for each model how many texts it embeds in time. */
export interface BatchSize {
  /** How long an embedder may take for one batch. */
  readonly patienceMs: number;
  /** For the next batch. */
  of(embedder: Embedder): number;
  /** Tells how long a batch of so many took. */
  took(embedder: Embedder, texts: number, ms: number): void;
  /** Tells that so many were not embedded in time. */
  late(embedder: Embedder, texts: number): void;
}

const MOST = 64;
const PATIENCE_MS = 60_000;

export function createBatchSize(patienceMs = PATIENCE_MS): BatchSize {
  const sizes = new Map<string, number>();
  const of = ({ model, maxTexts }: Embedder) => Math.min(sizes.get(model) ?? MOST, maxTexts);
  return {
    patienceMs,
    of,
    took(embedder, texts, ms) {
      // Twice as many should be far from late again.
      if (texts >= of(embedder) && ms < patienceMs / 4) sizes.set(embedder.model, Math.min(MOST, texts * 2));
    },
    late: ({ model }, texts) => void sizes.set(model, Math.max(1, Math.floor(texts / 2))),
  };
}
