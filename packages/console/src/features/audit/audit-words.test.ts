import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actionWords, detailsLine, isRefusal, localOf, momentOf } from './audit-words.ts';

test('an action is read as words, and what was refused stands out', () => {
  assert.equal(actionWords('PLAN_MODEL_RESPONSE'), 'Plan model response');
  assert.equal(actionWords('LOGIN'), 'Login');
  assert.deepEqual(['CALL_DENIED', 'TOOL_ERROR', 'KEY_CREATED'].map(isRefusal), [true, true, false]);
});

test('a moment goes through a field for local times and comes back', () => {
  for (const moment of ['2026-11-22T10:20:30.000Z', '2026-03-29T01:30:00.000Z'])
    assert.equal(momentOf(localOf(moment)), moment);
  assert.equal(localOf(undefined), '');
  assert.equal(momentOf(''), undefined);
  assert.equal(momentOf('2026-13-01T00:00'), undefined);
});

test('details are read on a line, without what is empty', () => {
  assert.equal(
    detailsLine({ name: 'ci', ref: '', to: null, ok: false, list: [1] }),
    'name: ci · ok: false · list: [1]',
  );
  assert.equal(detailsLine({}), '');
});
