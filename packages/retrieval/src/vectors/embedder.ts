import { ReeveError } from '@reeve/kit';

/** Turns texts into vectors. */
export interface Embedder {
  /** `provider/model`: vectors of different models cannot be compared. */
  readonly model: string;
  /** Texts that it takes at once; more are more batches, one after another. */
  readonly maxTexts: number;
  /**
   * A vector for each text, in their order and all of one length, on a tenant's account. No text may be blank. Throws `ReeveError`
   * as a model call does: `context_too_long`, `content_refused` and `invalid_request` may be a single text's fault. Where the
   * model takes only so many calls at a time, those of a waiting `caller` go before `background` work, the default.
   */
  embed(
    tenantId: string,
    texts: readonly string[],
    signal: AbortSignal,
    rank?: 'caller' | 'background',
  ): Promise<Float32Array[]>;
}

/** Whether what an embedder threw may be a single text's fault, and says nothing of the embedder. */
export function mayBeText(error: unknown): boolean {
  const { reason } = ReeveError.from(error);
  return reason === 'invalid_request' || reason === 'context_too_long' || reason === 'content_refused';
}

/** The embedders of an installation. */
export interface Embedders {
  /** The one that the settings name. */
  readonly wanted: Embedder;
  /** The one of a model that was named before; undefined where what it takes is not set any more. */
  of(model: string): Embedder | undefined;
}
