import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { canonicalJson } from './canonical-json.ts';

describe('the canonical form of JSON', () => {
  it('is the same whatever the order of keys, the spaces and the way numbers are written', () => {
    assert.equal(
      canonicalJson('{ "b" : [1.50, 1e2, -0, true, null], "a": {"10":1,"9":2}, "__proto__": "é\\u0007" }'),
      '{"__proto__":"é\\u0007","a":{"10":1,"9":2},"b":[1.5,100,0,true,null]}',
    );
  });

  it('tells numbers apart that a double does not', () => {
    const forms = ['9007199254740992', '9007199254740993', '0.1', '0.10000000000000000001', '1e400', '1e401', '1e-400'];
    assert.equal(new Set(forms.map((text) => canonicalJson(text))).size, forms.length);
    assert.equal(canonicalJson('1000e397'), canonicalJson('1e400'));
    assert.equal(canonicalJson('0.0e99999'), '0');
  });

  it('is its own canonical form, and means the same', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => {
        const form = canonicalJson(text);
        assert.equal(canonicalJson(form), form);
        assert.equal(canonicalJson(JSON.stringify(JSON.parse(text), null, 2)), form);
        assert.deepEqual(JSON.parse(form.replaceAll('-0', '0')), JSON.parse(text.replaceAll('-0', '0')));
      }),
      cases(),
    );
    const digits = fc.tuple(fc.bigInt({ min: 10n ** 17n, max: 10n ** 24n }), fc.integer({ min: -600, max: 600 }));
    fc.assert(
      fc.property(digits, ([number, power]) => {
        const form = canonicalJson(`${number}e${power}`);
        assert.equal(canonicalJson(form), form);
        assert.equal(canonicalJson(`${number}00e${power - 2}`), form);
        assert.notEqual(canonicalJson(`${number + 1n}e${power}`), form);
      }),
      cases(),
    );
  });
});
