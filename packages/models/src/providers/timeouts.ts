import type { ModelConfig } from '../config.ts';

/** The timeouts of calls to a provider, in milliseconds. */
export interface ProviderTimeouts {
  readonly connectMs: number;
  /** From the request to the response headers. */
  readonly headersMs: number;
  /** From the request to the first token of reasoning, text or a tool call, whatever other bytes arrive. */
  readonly firstTokenMs: number;
  /** Between two bytes while text or a tool call is streamed. */
  readonly idleMs: number;
  /** Between two bytes otherwise: before the first token and between blocks, where a model may reason without output. */
  readonly thinkingMs: number;
}

const DEFAULTS: ProviderTimeouts = {
  connectMs: 5_000,
  headersMs: 300_000,
  firstTokenMs: 300_000,
  idleMs: 30_000,
  thinkingMs: 300_000,
};

/**
 * The timeouts from the settings. A server sends no headers while a call waits in its own queue, so they may take as long as
 * the first token.
 */
export function providerTimeouts(
  config: Pick<ModelConfig, 'llmFirstTokenTimeoutMs' | 'llmIdleTimeoutMs'>,
): ProviderTimeouts {
  const firstTokenMs = config.llmFirstTokenTimeoutMs;
  return { ...DEFAULTS, headersMs: firstTokenMs, firstTokenMs, idleMs: config.llmIdleTimeoutMs };
}
