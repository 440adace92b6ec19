import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { nanoOf, usdOf } from './metering.ts';

describe('money', () => {
  it('is shown without zeros at its end, to the billionth', () => {
    const shown = [0, 1, 1_500_000_000, 100_000_000_000, 8_999_999_999_999_999].map(usdOf);
    assert.deepEqual(shown, ['0', '0.000000001', '1.5', '100', '8999999.999999999']);
  });

  it('is read as it is shown, up to nine million dollars', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9_000_000_000_000_000 }), (nano) => nanoOf(usdOf(nano)) === nano),
      cases(),
    );
    assert.equal(nanoOf('0.50'), 500_000_000);
    assert.equal(nanoOf('999999999999'), nanoOf('9000000'));
  });
});
