import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { createMatrix, innerProduct, unit } from './matrix.ts';

const DIMENSIONS = 5;
const number = fc.float({ min: -4, max: 4, noNaN: true });
const vector = fc.array(number, { minLength: DIMENSIONS, maxLength: DIMENSIONS }).map((all) => Float32Array.from(all));
const ref = fc.constantFrom<string[]>('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
const change = fc.oneof(fc.record({ put: ref, vector }), fc.record({ retain: fc.array(ref, { maxLength: 10 }) }));

describe('a matrix', () => {
  it('scores what was put into it and not taken out, whatever came in which order', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), vector, fc.nat(3), (changes, query, capacity) => {
        const matrix = createMatrix(DIMENSIONS, capacity);
        const model = new Map<string, Float32Array>();
        for (const one of changes) {
          if ('put' in one) {
            matrix.put(one.put, one.vector);
            model.set(one.put, one.vector);
          } else {
            matrix.retain(new Set(one.retain));
            for (const key of model.keys()) if (!one.retain.includes(key)) model.delete(key);
          }
        }
        const scores = matrix.scores(query);
        const found = new Map(matrix.refs.map((name, index) => [name, scores[index]!]));
        assert.equal(matrix.size, model.size);
        assert.deepEqual([...found.keys()].sort(), [...model.keys()].sort());
        for (const [name, one] of model) {
          const expected = one.reduce((sum, value, at) => sum + value * query[at]!, 0);
          assert.ok(Math.abs(found.get(name)! - expected) < 1e-9, name);
        }
      }),
      cases(),
    );
  });

  it('takes no vector of another length', () => {
    const matrix = createMatrix(3, 0);
    assert.throws(() => matrix.put('a', new Float32Array(4)), RangeError);
    assert.equal(matrix.size, 0);
  });

  it('takes memory for as many as are to come, and gives none back', () => {
    const matrix = createMatrix(3, 0);
    matrix.put('a', new Float32Array([1, 2, 3]));
    for (const count of [10, 4]) {
      matrix.reserve(count);
      assert.equal(matrix.bytes, 10 * 3 * 4);
    }
    for (let n = 1; n < 10; n += 1) matrix.put(`${n}`, new Float32Array(3));
    assert.deepEqual([matrix.bytes, matrix.size], [120, 10]);
    assert.equal(matrix.scores(new Float32Array([1, 1, 1]))[0], 6);
  });

  it('knows a vector of length 1 in the same direction, where there is one', () => {
    fc.assert(
      fc.property(vector, (one) => {
        const direction = unit(one);
        const length = Math.hypot(...one);
        if (direction === undefined) assert.equal(length, 0);
        else assert.ok(Math.abs(innerProduct(direction, 0, one) - length) < 1e-5 * length);
      }),
      cases(),
    );
    assert.equal(unit(new Float32Array([1, Number.NaN])), undefined);
  });
});
