import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonTokens } from './json-tokens.ts';

test('keys, strings, numbers and words are told apart', () => {
  const kinds = jsonTokens('{"a": "b: \\"c\\"", "n": -1.5e3, "t": true}').filter((token) => token.kind !== 'plain');
  assert.deepEqual(
    kinds.map((token) => [token.kind, token.text]),
    [
      ['key', '"a"'],
      ['string', '"b: \\"c\\""'],
      ['key', '"n"'],
      ['number', '-1.5e3'],
      ['key', '"t"'],
      ['word', 'true'],
    ],
  );
});

test('joined tokens give the input back, even where it is not JSON', () => {
  for (const text of ['', '{"a":1}', 'not "json at all', '[1, 2,\n {"x": null}]', '"unterminated \\']) {
    assert.equal(
      jsonTokens(text)
        .map((token) => token.text)
        .join(''),
      text,
    );
  }
});
