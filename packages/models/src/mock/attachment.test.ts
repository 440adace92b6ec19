import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readings } from './attachment.ts';

test('a request without parameters is read as it is', () => {
  assert.deepEqual(readings('What is 6 * 7?'), ['What is 6 * 7?']);
});

test('parameters are taken off the words, and each value is tried with them', () => {
  assert.deepEqual(readings('calculate\n\nParameters:\n{\n  "expression": "6 * 7",\n  "precision": 2\n}'), [
    'calculate',
    'calculate 6 * 7',
    'calculate 2',
  ]);
});

test('what only looks like parameters is left out without a word', () => {
  assert.deepEqual(readings('do\n\nPayload:\n{not json}'), ['do']);
});
