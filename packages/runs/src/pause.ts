import { backoffBoundMs, backoffMs } from '@reeve/kit';

/** Chance from 0 up to 1, and the first and the longest pause in milliseconds; tests set them. */
export interface PauseOptions {
  readonly random?: () => number;
  readonly firstMs?: number;
  readonly longestMs?: number;
}

/** The pause before a call is made again: 1 s, doubled each time up to a minute, of which chance takes up to half. `time` counts from 1. */
export function pauseMs(time: number, options: PauseOptions = {}): number {
  return Math.round(backoffMs(time - 1, { ...boundsOf(options), random: options.random }));
}

/**
 * How long a run waits until it asks its model again: as long as the provider says or its circuit stays open, and by chance somewhat
 * longer, so that not all come back at once; without such a time as long as `pauseMs`.
 */
export function modelPauseMs(time: number, retryAfterMs: number | undefined, options: PauseOptions = {}): number {
  const { random = Math.random } = options;
  if (retryAfterMs === undefined) return pauseMs(time, options);
  return Math.round(retryAfterMs + random() * backoffBoundMs(time - 1, boundsOf(options)));
}

function boundsOf({ firstMs = 1_000, longestMs = 60_000 }: PauseOptions): { firstMs: number; longestMs: number } {
  return { firstMs, longestMs };
}
