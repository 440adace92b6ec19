import type { ReeveError } from '@reeve/kit';
import { networkCode } from '../providers/network-code.ts';

/** Codes of connections that were never made. */
const NOT_CONNECTED: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]);

export function isNotConnected(code: string): boolean {
  return NOT_CONNECTED.has(code);
}

/**
 * Whether a call failed because its model takes no calls at the moment: it cannot be reached, is overloaded, limits its callers, or
 * its circuit is open. The same call can be made later; `retryAfterMs` of the error says when, where that is known.
 */
export function isUnavailable({ reason, cause }: ReeveError): boolean {
  if (reason === 'circuit_open' || reason === 'rate_limited' || reason === 'provider_overloaded') return true;
  const code = reason === 'upstream_error' ? networkCode(cause) : undefined;
  return code !== undefined && isNotConnected(code);
}

/**
 * Whether the answer of a call broke off: its connection was cut, its stream ended before its end, could not be read, or fell silent.
 * What had come of it is void.
 */
export function hasBrokenOff({ reason, brokeOff }: ReeveError): boolean {
  return brokeOff || reason === 'malformed_answer';
}
