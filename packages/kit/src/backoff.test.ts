import assert from 'node:assert/strict';
import { it } from 'node:test';
import { backoffMs } from './backoff.ts';

it('doubles a pause up to a bound, and takes up to half of it by chance', () => {
  const pauses = (random: () => number) =>
    [0, 1, 2, 3, 1_000].map((doublings) => backoffMs(doublings, { firstMs: 100, longestMs: 500, random }));
  assert.deepEqual(
    pauses(() => 1),
    [100, 200, 400, 500, 500],
  );
  assert.deepEqual(
    pauses(() => 0),
    [50, 100, 200, 250, 250],
  );
});
