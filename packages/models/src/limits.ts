import type { ModelConfig } from './config.ts';

/** How long a provider may be silent, in milliseconds. */
export interface Limits {
  readonly connectMs: number;
  /** Until the answer's headers. */
  readonly headersMs: number;
  /** Until the first word of thinking, text or a tool call, whatever other bytes come. */
  readonly firstTokenMs: number;
  /** Between two bytes while text or a tool call is being written. */
  readonly idleMs: number;
  /** Between two bytes otherwise: before the first word and between blocks a model may think without a sign of life. */
  readonly thinkingMs: number;
}

const DEFAULTS: Limits = {
  connectMs: 5_000,
  headersMs: 60_000,
  firstTokenMs: 300_000,
  idleMs: 30_000,
  thinkingMs: 300_000,
};

/** The limits that the settings give; headers cannot take longer than the first token. */
export function limitsOf(config: Pick<ModelConfig, 'llmFirstTokenTimeoutMs' | 'llmIdleTimeoutMs'>): Limits {
  const firstTokenMs = config.llmFirstTokenTimeoutMs;
  const headersMs = Math.min(DEFAULTS.headersMs, firstTokenMs);
  return { ...DEFAULTS, headersMs, firstTokenMs, idleMs: config.llmIdleTimeoutMs };
}
