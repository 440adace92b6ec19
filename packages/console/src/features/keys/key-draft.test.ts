import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_GRACE_S, ROLES } from '@reeve/contract';
import { emptyKey, GRACES, keyOf, ROLE_WORDS, type KeyDraft } from './key-draft.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
const draft = (part: Partial<KeyDraft>): KeyDraft => ({ ...emptyKey, name: ' ci ', ...part });

test('a key ends so many days from now, on a day that is named, or never', () => {
  assert.deepEqual(keyOf(draft({}), NOW), {
    key: { name: 'ci', role: 'member', expires_at: '2027-02-20T10:00:00.000Z' },
  });
  const day = new Date(2027, 0, 2, 3, 4).toISOString();
  assert.deepEqual(keyOf(draft({ expires: 'day', day: '2027-01-02T03:04' }), NOW), {
    key: { name: 'ci', role: 'member', expires_at: day },
  });
  assert.deepEqual(keyOf(draft({ expires: 'never' }), NOW), { key: { name: 'ci', role: 'member' } });
});

test('a day that was not chosen is asked for', () => {
  assert.deepEqual(keyOf(draft({ expires: 'day' }), NOW), { fault: 'choose a day and a time' });
});

test('every role has its words, and no grace is longer than the server takes', () => {
  assert.deepEqual(Object.keys(ROLE_WORDS), [...ROLES]);
  assert.ok(GRACES.every(({ value }) => Number(value) <= MAX_GRACE_S));
});
