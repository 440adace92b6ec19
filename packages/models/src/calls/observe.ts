import type { ComponentHealth } from '@reeve/contract';
import { ReeveError, counter } from '@reeve/kit';
import type { ChatPart, ModelGateway } from '../model.ts';
import { isProviderFault } from './retry.ts';
import type { QueueState } from '../queue/model-queues.ts';
import type { ModelCaller } from './fallback-chain.ts';

const calls = counter(
  'reeve_model_calls_total',
  'Model calls by how they ended: ok, abandoned or the reason of the error.',
  ['provider', 'outcome'],
);

export interface ObserveOptions {
  /** The provider of requests that name none. */
  readonly provider: string;
  readonly caller: ModelCaller;
  /** Names of the models whose breaker is open. */
  readonly openBreakers: () => string[];
  /** The queues of models. */
  readonly queues: () => QueueState[];
  /** The message of a healthy component. */
  readonly note?: string;
}

/**
 * Counts calls and derives the gateway's health: `degraded` from a call that fails by the provider's fault until one
 * succeeds again, and while a breaker is open; else `ok`.
 */
export function observe({
  provider,
  caller,
  openBreakers,
  queues,
  note,
}: ObserveOptions): Pick<ModelGateway, 'stream' | 'chat' | 'health'> {
  const healthy: ComponentHealth = { status: 'ok', ...(note !== undefined && { message: note }) };
  let health = healthy;

  async function* observed<Part extends ChatPart>(inner: AsyncIterable<Part>): AsyncGenerator<Part> {
    const startedAt = performance.now();
    let firstAt: number | undefined;
    let outcome = 'abandoned';
    try {
      for await (const part of inner) {
        firstAt ??= performance.now();
        if (part.type === 'finish') {
          outcome = 'ok';
          health = { ...healthy, latency_ms: Math.round(firstAt - startedAt) };
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
    stream: (...args) => observed(caller.stream(...args)),
    chat: (...args) => observed(caller.chat(...args)),
    health() {
      const calls = queues().slice(0, 10);
      const latest = calls.length === 0 ? health : { ...health, calls };
      const open = openBreakers();
      if (open.length === 0) return latest;
      const paused = `not asked for a while after several failures: ${open.slice(0, 10).join(', ')}`;
      return {
        ...latest,
        status: 'degraded',
        message: health.status === 'ok' ? paused : `${health.message}; ${paused}`,
      };
    },
  };
}
