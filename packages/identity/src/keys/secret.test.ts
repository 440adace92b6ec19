import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { digestOf, isWellFormed, newPublicId, newSecret, prefixOf } from './secret.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_';
const LENGTH = 65;
const secrets = Array.from({ length: 50 }, () => newSecret(newPublicId()));

describe('the secret of a key', () => {
  it('has one form: its key’s public id, 32 random bytes and a checksum, in letters and digits', () => {
    for (const secret of secrets) {
      assert.match(secret, /^rv_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/);
      assert.equal(secret.length, LENGTH);
      assert.ok(isWellFormed(secret));
    }
    const publicId = newPublicId();
    const two = [newSecret(publicId), newSecret(publicId)];
    assert.ok(two.every((secret) => secret.startsWith(`${prefixOf(publicId)}_`)));
    assert.notEqual(...(two as [string, string]));
    assert.equal(new Set([...secrets, ...two].map(digestOf)).size, 52);
  });

  it('uses every digit at every place of its random part', () => {
    const many = Array.from({ length: 3_000 }, () => newSecret('A'.repeat(12)).slice(17, 59));
    for (let at = 0; at < 42; at += 1) assert.equal(new Set(many.map((text) => text[at])).size, 62, `place ${at}`);
  });

  it('is told from any that is mistyped: a character changed, left out, added or swapped', () => {
    const secret = fc.constantFrom(...secrets);
    const at = fc.integer({ min: 0, max: LENGTH - 1 });
    const letter = fc.constantFrom(...ALPHABET.split(''));
    fc.assert(
      fc.property(secret, at, letter, (text, place, other) => {
        const [before, after] = [text.slice(0, place), text.slice(place + 1)];
        if (text[place] !== other) assert.equal(isWellFormed(before + other + after), false);
        assert.equal(isWellFormed(before + after), false);
        assert.equal(isWellFormed(before + other + text.slice(place)), false);
        const [first, second] = [text[place]!, text[place + 1] ?? ''];
        if (second !== '' && first !== second)
          assert.equal(isWellFormed(before + second + first + text.slice(place + 2)), false);
      }),
      cases(2_000),
    );
  });

  it('is nothing else: no text that happens to begin alike', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        assert.equal(isWellFormed(`rv_${text}`), false);
        assert.equal(isWellFormed(text), false);
      }),
      cases(),
    );
    for (const [secret] of secrets.map((each) => [each] as const))
      for (const text of [` ${secret}`, `${secret}\n`, secret.toLowerCase(), secret.replace('rv_', 'RV_')])
        assert.equal(isWellFormed(text), false);
  });
});
