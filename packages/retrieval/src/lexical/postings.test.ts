import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import {
  decodeNumbers,
  decodePostings,
  encodeNumbers,
  encodePostings,
  lengthCode,
  lengthOf,
  MOST_ENTRIES,
  packPostings,
} from './postings.ts';

const entries = fc
  .uniqueArray(fc.oneof(fc.integer({ min: 1, max: 3_000 }), fc.integer({ min: 1, max: MOST_ENTRIES })), {
    maxLength: 2_000,
  })
  .map((all) => all.sort((a, b) => a - b));
const postings = entries.chain((all) =>
  fc
    .array(
      fc.record({
        frequency: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 2 ** 31 })),
        code: fc.integer({ min: 0, max: 255 }),
      }),
      { minLength: all.length, maxLength: all.length },
    )
    .map((rest) => rest.map((one, index) => ({ entry: all[index]!, ...one }))),
);

describe('postings', () => {
  it('come back as they were written, whatever the numbers', () => {
    fc.assert(
      fc.property(postings, (all) => assert.deepEqual(decodePostings(encodePostings(all)), all)),
      cases(),
    );
    fc.assert(
      fc.property(entries, (all) => assert.deepEqual(decodeNumbers(encodeNumbers(all)), all)),
      cases(),
    );
  });

  it('are packed into blocks that fit four to a page, each of which can be read by itself', () => {
    fc.assert(
      fc.property(postings, (all) => {
        const { full, tail } = packPostings(all);
        const blocks = full.map(({ data }) => decodePostings(data));
        assert.deepEqual([...blocks, decodePostings(tail)].flat(), all);
        assert.deepEqual(
          full.map(({ first }) => first),
          blocks.map(([first]) => first!.entry),
        );
        for (const { length } of [...full.map(({ data }) => data), tail]) assert.ok(length < 1_920);
        assert.ok(tail.length <= 480);
      }),
      cases(),
    );
  });

  it('take two bytes where a term is frequent', () => {
    const all = Array.from({ length: 700 }, (_, index) => ({
      entry: 5_000 + 3 * index,
      frequency: 1 + (index % 3),
      code: 80,
    }));
    assert.ok(encodePostings(all).length <= 2 * all.length + 2);
  });

  it('know a length to within 3 %, a short one exactly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000 }), (length) => {
        const known = lengthOf(lengthCode(length));
        assert.ok(Math.abs(known - length) <= (length < 64 ? 0 : 0.031 * length), `${length}: ${known}`);
      }),
      cases(),
    );
    assert.equal(lengthCode(2 ** 31), 255);
  });
});
