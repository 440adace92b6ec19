import type { ComponentHealth } from '@reeve/contract';
import { ReeveError, counter } from '@reeve/kit';
import type { ChatPart, ModelGateway } from './model.ts';
import { isProviderFault } from './retry.ts';
import type { Road } from './route.ts';

const calls = counter(
  'reeve_model_calls_total',
  'Model calls by how they ended: ok, abandoned or the reason of the error.',
  ['provider', 'outcome'],
);

export interface ObserveOptions {
  /** The provider of requests that name none. */
  readonly provider: string;
  readonly road: Road;
  /** Models whose circuit is open, by name. */
  readonly openCircuits: () => string[];
  /** The health's message while all is well. */
  readonly note?: string;
}

/**
 * Counts calls and knows the gateway's health from the latest one and from the circuits: `ok` until a call fails
 * by the provider's fault, `degraded` until one succeeds again, and while a circuit is open.
 */
export function observe({
  provider,
  road,
  openCircuits,
  note,
}: ObserveOptions): Pick<ModelGateway, 'stream' | 'chat' | 'health'> {
  const well: ComponentHealth = { status: 'ok', ...(note !== undefined && { message: note }) };
  let health = well;

  async function* watched<Part extends ChatPart>(inner: AsyncIterable<Part>): AsyncGenerator<Part> {
    const startedAt = performance.now();
    let firstAt: number | undefined;
    let outcome = 'abandoned';
    try {
      for await (const part of inner) {
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
      if (isProviderFault(fault)) health = { status: 'degraded', message: fault.message };
      throw fault;
    } finally {
      calls.inc({ provider, outcome });
    }
  }

  return {
    stream: (...args) => watched(road.stream(...args)),
    chat: (...args) => watched(road.chat(...args)),
    health() {
      const open = openCircuits();
      if (open.length === 0) return health;
      const paused = `not asked for a while after several failures: ${open.slice(0, 10).join(', ')}`;
      return { status: 'degraded', message: health.status === 'ok' ? paused : `${health.message}; ${paused}` };
    },
  };
}
