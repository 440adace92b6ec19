import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stepSpans } from './step-times.ts';

test('steps share the time between the first start and the last end', () => {
  const spans = stepSpans(
    [
      { started_at: '2026-11-21T10:00:00Z', ended_at: '2026-11-21T10:00:02Z' },
      { started_at: '2026-11-21T10:00:02Z', ended_at: '2026-11-21T10:00:08Z' },
    ],
    0,
  );
  assert.deepEqual(spans, [
    { from: 0, width: 0.25, durationMs: 2000 },
    { from: 0.25, width: 0.75, durationMs: 6000 },
  ]);
});

test('a pending step reaches to now, and never backwards on a slow clock', () => {
  const pending = [{ started_at: '2026-11-21T10:00:00Z', ended_at: null }];
  assert.deepEqual(stepSpans(pending, Date.parse('2026-11-21T10:00:05Z')), [{ from: 0, width: 1, durationMs: null }]);
  assert.deepEqual(stepSpans(pending, 0), [{ from: 0, width: 0, durationMs: null }]);
  assert.deepEqual(stepSpans([], 0), []);
});
