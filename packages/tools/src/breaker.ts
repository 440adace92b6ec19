import { createBreaker as createKitBreaker, type Breaker } from '@reeve/kit';

export type { Breaker } from '@reeve/kit';

/** What a model is told of an open circuit. */
const PAUSED = 'this tool failed several times in a row and is paused for a while; do without it or try later';

/** A tool's breaker: it opens after `threshold` faults in a row, for `resetMs`. A cancelled call counts as nothing. */
export function createBreaker(threshold: number, resetMs: number): Breaker {
  return createKitBreaker({ threshold, resetMs, message: PAUSED });
}
