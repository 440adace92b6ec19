import { isTransient } from '@reeve/db';
import { ReeveError, type BreakerOutcome } from '@reeve/kit';

/**
 * What is known after a start of a run failed. `none`: no run was made, so it may be tried again. `unknown`: perhaps one
 * was, since the connection was lost when the commit was under way or after it. `refused`: none was made, and trying
 * again would change nothing.
 */
export type StartFailure = 'none' | 'unknown' | 'refused';

export function startFailureOf(thrown: unknown): StartFailure {
  if (thrown instanceof ReeveError) return REPEATABLE.has(thrown.reason) ? 'none' : 'refused';
  if (!isObject(thrown)) return 'refused';
  const code = typeof thrown['code'] === 'string' ? thrown['code'] : '';
  const isNeverBegun =
    thrown['syscall'] === 'connect' ||
    NEVER_BEGUN.has(code) ||
    /timeout exceeded when trying to connect/.test(String(thrown['message']));
  if (isNeverBegun) return 'none';
  return isTransient(thrown) ? 'unknown' : 'refused';
}

/** What a failed start means for the breaker: a caller’s own error proves that the system works. */
export function startOutcomeOf(thrown: unknown): BreakerOutcome {
  if (!(thrown instanceof ReeveError)) return 'fault';
  if (thrown.reason === 'shutting_down') return 'not_sent';
  return thrown.status < 500 ? 'ok' : 'fault';
}

/** What a run’s end means for the breaker of its agent and provider. */
export function runOutcomeOf(error: ReeveError): BreakerOutcome {
  if (INCONCLUSIVE_REASONS.has(error.reason)) return 'inconclusive';
  return error.status < 500 ? 'ok' : 'fault';
}

const REPEATABLE: ReadonlySet<string> = new Set<ReeveError['reason']>([
  'unavailable',
  'pool_exhausted',
  'provider_overloaded',
  'circuit_open',
]);

const INCONCLUSIVE_REASONS: ReadonlySet<string> = new Set<ReeveError['reason']>([
  'cancelled',
  'budget_exhausted',
  'rate_limited',
  'rejected',
  'lease_lost',
  'shutting_down',
]);

/**
 * Errors after which nothing was written: no connection was made (no such host, nobody listens, too many connections,
 * still starting), or the transaction was undone (serialization failure, deadlock, lock not available, read only).
 */
const NEVER_BEGUN: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  '08001',
  '08004',
  '53300',
  '57P03',
  '40001',
  '40P01',
  '55P03',
  '25006',
]);

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
