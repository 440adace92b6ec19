import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseDuration } from './duration.ts';

describe('a length of time', () => {
  it('is a number with its unit', () => {
    assert.deepEqual(
      ['90s', '15m', '24h', '7d', '0s'].map(parseDuration),
      [90_000, 900_000, 86_400_000, 604_800_000, 0],
    );
    for (const text of ['', '5', 'h', '1.5h', '-1s', '24 h', '1w', '123456789s'])
      assert.equal(parseDuration(text), undefined, text);
  });
});
