import type { Fault } from '../backend.ts';

/** One request to an embedding provider. */
export interface EmbedBatch extends Partial<AsyncDisposable> {
  send(texts: readonly string[], signal: AbortSignal): Promise<EmbeddedBatch>;
  explain(thrown: unknown): Fault;
}

export interface EmbeddedBatch {
  readonly vectors: readonly Float32Array[];
  /** Undefined where the provider reported none. */
  readonly tokens: number | undefined;
}
