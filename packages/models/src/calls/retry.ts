import type { ReeveError } from '@reeve/kit';
import type { Fault } from '../backend.ts';

/** Upper bounds of the pauses before the second and the third attempt. */
const PAUSES_MS = [1_000, 2_000];
/** If the provider asks for a longer pause, the call fails and the caller decides. */
const MAX_PAUSE_MS = 30_000;

/**
 * The pause before the next attempt at the same model, in milliseconds: the provider's `Retry-After`, else random up
 * to 1 s, then 2 s. Undefined where the request must not be sent again. `attempt` counts from 1.
 */
export function pauseAfter(
  { error, retryable }: Pick<Fault, 'error' | 'retryable'>,
  attempt: number,
  random: () => number,
): number | undefined {
  const bound = PAUSES_MS[attempt - 1];
  if (!retryable || bound === undefined) return undefined;
  const pauseMs = error.retryAfterMs ?? random() * bound;
  return pauseMs > MAX_PAUSE_MS ? undefined : pauseMs;
}

/** True where the provider failed rather than the request, so a fallback may succeed. */
export function isProviderFault({ reason }: ReeveError): boolean {
  return PROVIDER_FAULTS.has(reason);
}

const PROVIDER_FAULTS: ReadonlySet<string> = new Set([
  'upstream_error',
  'provider_overloaded',
  'provider_key_refused',
  'rate_limited',
  'timeout',
  'circuit_open',
  // Only before the first part was yielded: the provider broke off its answer.
  'malformed_answer',
]);
