import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultOffset } from './json-scan.ts';

const WELL = ['{}', ' [] ', '{"a": [1, -2.5e+3, {"b": null}], "c": "\\u00e9\\n"}', '"x"', '0', '[[], {}, true]'];

test('JSON has no fault', () => {
  for (const text of WELL) assert.equal(faultOffset(text), undefined, text);
});

test('the first thing that may not stand where it stands is the fault', () => {
  for (const [text, offset] of [
    ['', 0],
    ['{', 1],
    ['{"a" 1}', 5],
    ['{"a": }', 6],
    ['{"a": tru }', 6],
    ['{"a": 1,}', 8],
    ['[1 2]', 3],
    ['[1]]', 3],
    ['{"a": [1}', 8],
    ["{'a': 1}", 1],
    ['{"a": "line\nbreak"}', 6],
  ] as const)
    assert.equal(faultOffset(text), offset, text);
});

test('what JSON.parse refuses has a fault, and what it takes has none', () => {
  for (const text of WELL)
    for (let cut = 0; cut < text.length; cut += 1) {
      const changed = text.slice(0, cut) + text.slice(cut + 1);
      assert.equal(faultOffset(changed) === undefined, parses(changed), changed);
    }
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
