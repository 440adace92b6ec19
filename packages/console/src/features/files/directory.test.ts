import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathIn, pathOf, waysTo } from './directory.ts';

test('an address names the workspace and what is below it', () => {
  assert.equal(pathOf('/'), '');
  assert.equal(pathOf('/notes/today/'), 'notes/today');
  assert.equal(pathIn('/', 'a b.txt'), 'a b.txt');
  assert.equal(pathIn('/notes', 'ü'), 'notes/ü');
});

test('each directory on the way can be gone back to', () => {
  assert.deepEqual(waysTo('/'), []);
  assert.deepEqual(waysTo('/a//b c/'), [
    { name: 'a', directory: '/a' },
    { name: 'b c', directory: '/a/b c' },
  ]);
});
