import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatIn, ruleOf } from './schedule-words.ts';

test('a rule is its frequency or its cron line', () => {
  assert.equal(ruleOf({ frequency: 'daily', cron: null, timezone: 'UTC' }), 'Daily · UTC');
  assert.equal(ruleOf({ frequency: null, cron: '0 9 * * 1', timezone: 'Europe/Berlin' }), '0 9 * * 1 · Europe/Berlin');
});

test('the time until a run is short', () => {
  const now = Date.parse('2026-11-21T10:00:00Z');
  const after = (minutes: number) => formatIn(new Date(now + minutes * 60_000).toISOString(), now);
  assert.deepEqual([-5, 0.2, 59, 90, 60 * 47, 60 * 72].map(after), [
    'due now',
    'in 1 min',
    'in 59 min',
    'in 2 h',
    'in 47 h',
    'in 3 d',
  ]);
});
