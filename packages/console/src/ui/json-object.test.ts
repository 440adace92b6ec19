import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readJsonObject } from './json-object.ts';

test('a JSON object is read, and nothing stands for an empty one', () => {
  assert.deepEqual(readJsonObject('{"a": [1, null]}'), { value: { a: [1, null] } });
  assert.deepEqual(readJsonObject(' \n'), { value: {} });
});

test('a fault names its line', () => {
  for (const [text, line] of [
    ['{\n  "a": 1,\n  b: 2\n}', 3],
    ['{\n  "a": 1\n', 2],
    ['{"a": 1}}', 1],
    ['{\n\n"a": tru }', 3],
  ] as const) {
    const read = readJsonObject(text);
    assert.ok('fault' in read, text);
    assert.equal(read.fault.line, line, `${text}: ${read.fault.message}`);
    assert.match(read.fault.message, new RegExp(`^must be JSON: line ${line}: \\S`));
  }
});

test('JSON that is no object is refused', () => {
  for (const text of ['[]', 'null', '"x"', '7']) {
    const read = readJsonObject(text);
    assert.ok('fault' in read && /must be a JSON object/.test(read.fault.message), text);
  }
});
