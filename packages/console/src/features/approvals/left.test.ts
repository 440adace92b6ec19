import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timeLeft } from './left.ts';

test('the time left has its two largest units', () => {
  const now = Date.parse('2026-11-21T10:00:00Z');
  const after = (minutes: number) => timeLeft(new Date(now + minutes * 60_000).toISOString(), now);
  assert.deepEqual([-1, 0.5, 1, 59, 61, 1439, 1440, 10_079].map(after), [
    'No time left',
    'Less than a minute left',
    '1 min left',
    '59 min left',
    '1 h 1 min left',
    '23 h 59 min left',
    '1 d 0 h left',
    '6 d 23 h left',
  ]);
});
