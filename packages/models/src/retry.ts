import type { ReeveError } from '@reeve/kit';
import type { Fault } from './backend.ts';

/** Upper bounds of the pauses before the second and the third attempt. */
const PAUSES_MS = [1_000, 2_000];
/** A provider that wants a longer pause than this is left to the caller. */
const LONGEST_PAUSE_MS = 30_000;

/**
 * How long to wait before the same request is sent to the same model again: as long as the provider asks, else at
 * random up to 1 s and then 2 s. Undefined where it is not to be sent again. `attempt` counts from 1.
 */
export function pauseAfter(
  { error, repeatable }: Pick<Fault, 'error' | 'repeatable'>,
  attempt: number,
  random: () => number,
): number | undefined {
  const bound = PAUSES_MS[attempt - 1];
  if (!repeatable || bound === undefined) return undefined;
  const pauseMs = error.retryAfterMs ?? random() * bound;
  return pauseMs > LONGEST_PAUSE_MS ? undefined : pauseMs;
}

/** True where the provider failed and the request is not to blame, so that another model may do better. */
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
  // Only before anything was handed on: the provider began and broke off.
  'malformed_answer',
]);
