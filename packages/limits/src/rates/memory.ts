import { RateLimiterMemory } from 'rate-limiter-flexible';
import { countBy, UNLIMITED, type RateStore } from './count.ts';

/** Counts in this process alone, until it ends. */
export function openMemoryStore(): RateStore {
  return { kind: 'memory', add: countBy(new RateLimiterMemory(UNLIMITED)), async [Symbol.asyncDispose]() {} };
}
