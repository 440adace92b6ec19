import { Agent, DecoratorHandler, fetch as undiciFetch, type Dispatcher } from 'undici';
import type { ProviderTimeouts } from './timeouts.ts';

/** Detects a stalled answer: calls `onStall` once when no byte has arrived within the current limit. */
export interface StallTimer {
  /** A byte arrived. */
  reset(): void;
  /** Sets the limit from now on, in milliseconds. */
  setLimit(ms: number): void;
  stop(): void;
}

/** Starts a stall timer, which has no limit before the first `setLimit` and never keeps the process alive. */
export function startStallTimer(onStall: () => void): StallTimer {
  let timer: NodeJS.Timeout | undefined;
  let limitMs = 0;
  return {
    reset: () => void timer?.refresh(),
    setLimit: (ms) => {
      if (ms === limitMs) return;
      clearTimeout(timer);
      limitMs = ms;
      timer = setTimeout(onStall, ms).unref();
    },
    stop: () => clearTimeout(timer),
  };
}

/** Makes the fetch of one call; every byte of its answer resets `stall`. */
export type CreateFetch = (stall: Pick<StallTimer, 'reset'>) => typeof globalThis.fetch;

/**
 * One connection pool for a provider, over undici's fetch: Node's global fetch takes neither a pool nor these
 * timeouts. Idle connections close by themselves and do not keep the process alive.
 */
export function openTransport(timeouts: ProviderTimeouts): CreateFetch {
  // bodyTimeout is off: the stall timer replaces it, with a limit that changes during the answer.
  const agent = new Agent({
    connect: { timeout: timeouts.connectMs },
    headersTimeout: timeouts.headersMs,
    bodyTimeout: 0,
  });
  return (stall) => {
    const dispatcher = agent.compose(
      (dispatch) => (options, handler) => dispatch(options, resettingOnData(handler, stall)),
    );
    // Following a redirect would send the provider's key to another host.
    // undici's types differ from the DOM's in name only.
    return ((input: string, init: object) =>
      undiciFetch(input, { ...init, dispatcher, redirect: 'error' })) as unknown as typeof globalThis.fetch;
  };
}

function resettingOnData(
  handler: Dispatcher.DispatchHandler,
  stall: Pick<StallTimer, 'reset'>,
): Dispatcher.DispatchHandler {
  const decorated: Dispatcher.DispatchHandler = new DecoratorHandler(handler);
  const pass = decorated.onResponseData?.bind(decorated);
  decorated.onResponseData = (controller, chunk) => {
    stall.reset();
    pass?.(controller, chunk);
  };
  return decorated;
}
