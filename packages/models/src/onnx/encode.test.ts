import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { createEncode, padRows } from './encode.ts';
import { TINY } from '../../test/onnx-folder.ts';

const read = (name: string) => JSON.parse(readFileSync(join(TINY, name), 'utf8')) as object;
const encode = createEncode(read('tokenizer.json'), read('tokenizer_config.json'));
const [CLS, SEP] = [2, 3];

describe('a tokenizer', () => {
  it('makes words and parts of words numbers, between its special ones', () => {
    assert.deepEqual(encode('The physician acquired cars', 16), [CLS, 17, 11, 8, 4, 32, SEP]);
  });

  it('cuts what is too long before its last special token', () => {
    assert.deepEqual(encode('The physician acquired cars', 4), [CLS, 17, 11, SEP]);
    assert.deepEqual(encode('The physician', 2), [CLS, SEP]);
    assert.deepEqual(encode('The physician', 1), [CLS]);
  });

  it('cuts any text to a beginning of itself, whole where it fits', () => {
    const words = fc.array(fc.constantFrom('car', 'vehicles', 'unknown', 'lentils', '.', '漢'), { maxLength: 30 });
    fc.assert(
      fc.property(words, fc.integer({ min: 2, max: 20 }), (some, most) => {
        const whole = encode(some.join(' '), 1_000);
        const cut = encode(some.join(' '), most);
        assert.equal(cut.length, Math.min(whole.length, most));
        assert.deepEqual(cut.slice(0, -1), whole.slice(0, cut.length - 1));
        assert.equal(cut.at(-1), SEP);
      }),
      cases(),
    );
  });

  it('is refused where its kind is not known', () => {
    assert.throws(() => createEncode({ ...read('tokenizer.json'), model: { type: 'Runes' } }, {}), /Runes/);
  });
});

it('rows are lined up by padding that the mask leaves out', () => {
  assert.deepEqual(padRows([[2, 4, 3], [2]], 7), {
    ids: [2, 4, 3, 2, 7, 7],
    mask: [1, 1, 1, 1, 0, 0],
    texts: 2,
    tokens: 3,
  });
});
