import { ReeveError } from '@reeve/kit';
import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen, isBrokenCircuitError } from 'cockatiel';

/**
 * closed ─(threshold faults in a row)→ open ─(reset time, next call)→ half_open ─(success)→ closed, or (fault) → open.
 * In half_open one call is the probe; others are refused meanwhile.
 */
export interface Breaker {
  state(): 'closed' | 'open' | 'half_open';
  /** False where a call would have to wait for a probe that is under way. */
  allows(): boolean;
  /** Runs `work`, or throws ReeveError `circuit_open` without running it. Whatever `work` throws counts as a fault. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

/** What a model is told of an open circuit. */
export const PAUSED = 'this tool failed several times in a row and is paused for a while; do without it or try later';

/** A breaker that opens after `threshold` faults in a row, for `resetMs`. A cancelled call counts as nothing. */
export function createBreaker(threshold: number, resetMs: number): Breaker {
  const policy = circuitBreaker(
    // A cancelled probe has proved nothing, so the circuit stays open.
    handleWhen((error) => !isCancelled(error) || policy.state === CircuitState.HalfOpen),
    { breaker: new ConsecutiveBreaker(threshold), halfOpenAfter: resetMs },
  );
  return {
    state: () =>
      policy.state === CircuitState.HalfOpen ? 'half_open' : policy.state === CircuitState.Closed ? 'closed' : 'open',
    allows: () => policy.state !== CircuitState.HalfOpen,
    async run(work) {
      try {
        return await policy.execute(work);
      } catch (error) {
        if (isBrokenCircuitError(error)) throw new ReeveError('circuit_open', PAUSED, { cause: error });
        throw error;
      }
    },
  };
}

function isCancelled(error: unknown): boolean {
  return error instanceof ReeveError && error.reason === 'cancelled';
}
