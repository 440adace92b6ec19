import { ReeveError } from '@reeve/kit';
import type { RateLimiterAbstract } from 'rate-limiter-flexible';

/** Requests that came, of whom, and how long a window of theirs is. */
export interface RateEntry {
  readonly tenantId: string;
  /** Whose of the tenant: `tenant`, or one of its callers. */
  readonly key: string;
  readonly count: number;
  readonly windowS: number;
}

/** What a window holds after an entry was added, and when it ends. */
export interface Counted {
  readonly count: number;
  readonly endsInMs: number;
}

/** Counts requests in windows that begin with the first of them. Everybody on one store counts together. */
export interface RateStore extends AsyncDisposable {
  readonly kind: 'memory' | 'postgres' | 'redis';
  /** Adds entries, no two of one key, and answers their windows in their order. Rejects where the store can't be reached; then some may have been counted. */
  add(entries: readonly RateEntry[]): Promise<readonly Counted[]>;
}

/** Counts by one of the library's limiters, whose own limit is never met: `points` must be `UNLIMITED`. */
export function countBy(limiter: RateLimiterAbstract): RateStore['add'] {
  return (entries) =>
    Promise.all(
      entries.map(async ({ tenantId, key, count, windowS }) => {
        const window = await limiter.penalty(`${tenantId}:${key}`, count, { customDuration: windowS });
        return { count: window.consumedPoints, endsInMs: window.msBeforeNext };
      }),
    );
}

/** Limits are held against what was counted, not by the library. */
export const UNLIMITED = { points: Number.MAX_SAFE_INTEGER, duration: 60 } as const;

/** What was counted, or `unavailable` where that takes too long; it may be counted all the same. */
export async function countedWithin<T>(ms: number, counting: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new ReeveError('unavailable', `nothing was counted within ${ms} ms`)), ms);
  try {
    return await Promise.race([counting, late]);
  } finally {
    clearTimeout(timer);
    // What comes too late fails for nobody.
    counting.catch(() => undefined);
  }
}
