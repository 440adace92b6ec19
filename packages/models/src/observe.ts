import type { ComponentHealth } from '@reeve/contract';
import { ReeveError, counter, durations } from '@reeve/kit';
import { countTokens } from './tokens.ts';
import type { ModelGateway, ModelPart, ModelRequest, ModelSource } from './model.ts';

const calls = counter(
  'reeve_model_calls_total',
  'Model calls by how they ended: ok, abandoned or the reason of the error.',
  ['provider', 'outcome'],
);
const seconds = durations('reeve_model_call_seconds', 'Time from the start of a model call to its end.', ['provider']);

/**
 * A gateway that counts its calls and knows its health from the latest one: `ok` until a call fails by the
 * provider's fault, `degraded` until one succeeds again. `note` is the health's message while all is well.
 */
export function observe(source: ModelSource, note?: string): ModelGateway {
  const { provider, defaultModel } = source;
  const well: ComponentHealth = { status: 'ok', ...(note !== undefined && { message: note }) };
  let health = well;

  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelPart> {
    const startedAt = performance.now();
    let firstAt: number | undefined;
    let outcome = 'abandoned';
    try {
      for await (const part of source.stream(request, signal)) {
        firstAt ??= performance.now();
        if (part.type === 'finish') {
          outcome = 'ok';
          health = { ...well, latency_ms: Math.round(firstAt - startedAt) };
        }
        yield part;
      }
    } catch (error) {
      const fault = ReeveError.from(error);
      outcome = fault.reason;
      if (PROVIDER_FAULTS.has(fault.reason)) health = { status: 'degraded', message: fault.message };
      throw fault;
    } finally {
      calls.inc({ provider, outcome });
      seconds.observe({ provider }, (performance.now() - startedAt) / 1000);
    }
  }

  const describe = (model: string | null) => ({
    id: model ?? defaultModel,
    provider,
    contextTokens: 128_000,
    maxOutputTokens: 8_192,
    price: null,
  });
  return {
    provider,
    defaultModel,
    stream,
    describe,
    list: () => [describe(null)],
    countTokens,
    health: () => health,
  };
}

const PROVIDER_FAULTS: ReadonlySet<string> = new Set(['upstream_error', 'rate_limited', 'timeout']);
