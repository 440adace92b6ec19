import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  firstLine,
  firstLineOfMarkdown,
  formatAgo,
  formatBytes,
  formatCost,
  formatDuration,
  formatInline,
  shortId,
} from './format.ts';

test('durations keep one meaningful unit pair and never read 60 s', () => {
  assert.equal(formatDuration(0), '0 ms');
  assert.equal(formatDuration(999.4), '999 ms');
  assert.equal(formatDuration(3_240), '3.2 s');
  assert.equal(formatDuration(59_960), '1 min 0 s');
  assert.equal(formatDuration(245_000), '4 min 5 s');
  assert.equal(formatDuration(7_384_000), '2 h 3 min');
});

test('costs keep small amounts visible', () => {
  assert.equal(formatCost('0'), '$0.00');
  assert.equal(formatCost('0.002134'), '$0.002134');
  assert.equal(formatCost('0.00000001'), '<$0.000001');
  assert.equal(formatCost('1234.5'), '$1,234.50');
});

test('a clock a few seconds behind the server still reads "just now"', () => {
  const now = Date.parse('2026-11-21T10:00:00Z');
  assert.equal(formatAgo('2026-11-21T10:00:05Z', now), 'just now');
  assert.equal(formatAgo('2026-11-21T09:59:20Z', now), '40 s ago');
  assert.equal(formatAgo('2026-11-21T08:30:00Z', now), '1 h ago');
});

test('one-line forms drop blank lines and stay short', () => {
  assert.equal(firstLine('\n\n  hello \nworld'), 'hello');
  assert.equal(firstLine('abcdef', 4), 'abc…');
  assert.equal(formatInline({ a: [1, 2] }), '{"a":[1,2]}');
  assert.equal(formatInline(undefined), '');
  assert.equal(shortId('019aa3c4-0000-7000-8000-1234567890ab'), '…567890ab');
});

test('markdown loses its marks where a line is all there is room for', () => {
  assert.equal(firstLineOfMarkdown('## The **result**\n\nis `42`'), 'The result');
  assert.equal(firstLineOfMarkdown('- a list'), 'a list');
  assert.equal(firstLineOfMarkdown('```json\n{"a": 1}\n```'), '{"a": 1}');
  assert.equal(firstLineOfMarkdown('2 * 3 in snake_case'), '2 * 3 in snake_case');
});

test('a size is short, in the unit that fits it', () => {
  assert.deepEqual([0, 1_023, 1_024, 1_300, 20_480, 64 * 1_048_576, 1.5 * 2 ** 30].map(formatBytes), [
    '0 B',
    '1023 B',
    '1 KiB',
    '1.3 KiB',
    '20 KiB',
    '64 MiB',
    '1.5 GiB',
  ]);
});
