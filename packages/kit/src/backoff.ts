export interface BackoffOptions {
  readonly firstMs: number;
  readonly longestMs: number;
  /** Chance from 0 up to 1; tests set it. */
  readonly random?: (() => number) | undefined;
}

/** A pause in milliseconds: `firstMs`, doubled `doublings` times, at most `longestMs`; of that, chance takes up to half. */
export function backoffMs(doublings: number, { random = Math.random, ...bounds }: BackoffOptions): number {
  return backoffBoundMs(doublings, bounds) * (0.5 + random() / 2);
}

/** The same without chance. */
export function backoffBoundMs(doublings: number, { firstMs, longestMs }: Omit<BackoffOptions, 'random'>): number {
  return Math.min(longestMs, firstMs * 2 ** Math.min(doublings, 30));
}
