import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { normalize, pool } from './pool.ts';

const finite = fc.float({ min: -100, max: 100, noNaN: true });
const near = (one: Float32Array, other: Float32Array) =>
  one.length === other.length && one.every((value, index) => Math.abs(value - other[index]!) < 1e-3);

describe('pooling', () => {
  it('is the mean over the mask, or the first token', () => {
    const vectors = { data: Float32Array.of(1, 2, 3, 4, 90, 90), texts: 1, tokens: 3, dimensions: 2 };
    assert.deepEqual(pool(vectors, [1, 1, 0], 'mean'), [Float32Array.of(2, 3)]);
    assert.deepEqual(pool(vectors, [1, 1, 0], 'cls'), [Float32Array.of(1, 2)]);
    assert.deepEqual(pool(vectors, [0, 0, 0], 'mean'), [Float32Array.of(0, 0)]);
  });

  it('of several texts is that of each, however much padding follows and whatever it holds', () => {
    const text = fc.array(fc.tuple(finite, finite, finite), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 5 }), finite, (texts, padding) => {
        const tokens = Math.max(...texts.map(({ length }) => length)) + 2;
        const row = (own: number[][]) =>
          Array.from({ length: tokens }, (_, at) => own[at] ?? [padding, padding, padding]);
        const data = Float32Array.from(texts.flatMap((own) => row(own).flat()));
        const mask = texts.flatMap((own) => row(own).map((_, at) => Number(at < own.length)));
        for (const pooling of ['mean', 'cls'] as const) {
          const together = pool({ data, texts: texts.length, tokens, dimensions: 3 }, mask, pooling);
          const single = texts.map((own) => {
            const alone = { data: Float32Array.from(own.flat()), texts: 1, tokens: own.length, dimensions: 3 };
            return pool(
              alone,
              own.map(() => 1),
              pooling,
            )[0]!;
          });
          assert.ok(together.every((vector, index) => near(vector, single[index]!)));
        }
      }),
      cases(),
    );
  });

  it('makes the length 1, except of what has none', () => {
    assert.deepEqual(normalize(Float32Array.of(3, 4)), Float32Array.of(0.6, 0.8));
    assert.deepEqual(normalize(Float32Array.of(0, 0)), Float32Array.of(0, 0));
  });
});
