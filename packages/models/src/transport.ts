import { Agent, DecoratorHandler, fetch as undiciFetch, type Dispatcher } from 'undici';
import type { Limits } from './limits.ts';

/** Watches one answer: calls `onStall` once when no byte has come for the time allowed at the moment. */
export interface Watch {
  /** A byte came. */
  touch(): void;
  /** What is allowed from now on. */
  allow(ms: number): void;
  stop(): void;
}

/** Starts watching. Nothing is limited before the first `allow`; an unstopped watch does not hold the process. */
export function startWatch(onStall: () => void): Watch {
  let timer: NodeJS.Timeout | undefined;
  let allowedMs = 0;
  return {
    touch: () => void timer?.refresh(),
    allow: (ms) => {
      if (ms === allowedMs) return;
      clearTimeout(timer);
      allowedMs = ms;
      timer = setTimeout(onStall, ms).unref();
    },
    stop: () => clearTimeout(timer),
  };
}

/** Makes the fetch of one call; every byte of its answer touches `watch`. */
export type CreateFetch = (watch: Pick<Watch, 'touch'>) => typeof globalThis.fetch;

/**
 * One connection pool for a provider, over undici's own fetch: Node's global fetch has neither a pool of our
 * own nor these limits. Idle connections close by themselves and do not hold the process.
 */
export function openTransport(limits: Limits): CreateFetch {
  // bodyTimeout is off because the watch does its work with a limit that changes during the answer.
  const agent = new Agent({ connect: { timeout: limits.connectMs }, headersTimeout: limits.headersMs, bodyTimeout: 0 });
  return (watch) => {
    const dispatcher = agent.compose((dispatch) => (options, handler) => dispatch(options, watched(handler, watch)));
    // A redirect would carry the provider's key to wherever it points.
    // undici's types differ from the DOM's in name only.
    return ((input: string, init: object) =>
      undiciFetch(input, { ...init, dispatcher, redirect: 'error' })) as unknown as typeof globalThis.fetch;
  };
}

function watched(handler: Dispatcher.DispatchHandler, watch: Pick<Watch, 'touch'>): Dispatcher.DispatchHandler {
  const decorated: Dispatcher.DispatchHandler = new DecoratorHandler(handler);
  const pass = decorated.onResponseData?.bind(decorated);
  decorated.onResponseData = (controller, chunk) => {
    watch.touch();
    pass?.(controller, chunk);
  };
  return decorated;
}
