import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callerOf, forkMessage } from './fork-rule.ts';

const stepsOf = (...kinds: ('model' | 'tool' | 'message' | 'compaction')[]) =>
  kinds.map((kind, index) => ({ number: index + 1, kind, status: 'settled' as const }));
const answered = stepsOf('model', 'tool', 'tool', 'model');

test('a fork can be told something where a model is asked next, and nothing between calls and results', () => {
  assert.deepEqual(
    [1, 2, 3, 4].map((from) => forkMessage(answered, from)),
    ['optional', 'none', 'none', 'optional'],
  );
  assert.equal(callerOf(answered, 3), 1);
});

test('after an answer it must be', () => {
  assert.equal(forkMessage(answered, 5), 'required');
  assert.equal(forkMessage(stepsOf('model', 'message', 'model'), 2), 'required');
  assert.equal(forkMessage(stepsOf('model', 'message', 'model'), 3), 'optional');
  assert.equal(forkMessage(stepsOf('model', 'tool', 'compaction', 'model'), 4), 'optional');
});

test('nothing goes on from a step that has not ended', () => {
  const working = [...stepsOf('model', 'tool'), { number: 3, kind: 'model', status: 'pending' } as const];
  assert.equal(forkMessage(working, 3), 'optional');
  assert.equal(forkMessage(working, 4), undefined);
});
