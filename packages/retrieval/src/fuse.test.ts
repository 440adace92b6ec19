import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { fuse, fuseRankings, type Scored } from './fuse.ts';

const list = fc
  .uniqueArray(fc.record({ ref: fc.stringMatching(/^[a-p]$/), score: fc.double({ min: -1, max: 50, noNaN: true }) }), {
    selector: ({ ref }) => ref,
  })
  .map((all) => all.sort((one, other) => other.score - one.score));

/** As `rankTexts` and the scan answer. */
const ranking = (texts: readonly Scored[]) => {
  let at = 0;
  const take = async (count: number) =>
    texts.slice(at, (at += count)).map((text) => ({ ...text, spaceId: 1, matched: 2 }));
  return { lexical: { terms: 2, size: texts.length, take }, vectors: { size: texts.length, take } };
};

describe('two rankings as one', () => {
  it('hold each text of either once, from 0 to 1, whichever comes first', () => {
    fc.assert(
      fc.property(list, list, (one, other) => {
        const scores = fuse(one, other);
        assert.deepEqual(new Set(scores.keys()), new Set([...one, ...other].map(({ ref }) => ref)));
        for (const score of scores.values()) assert.ok(score >= 0 && score <= 1, `${score}`);
        assert.deepEqual(new Map(fuse(other, one)), scores);
      }),
      cases(),
    );
  });

  it('keep the order of either where the other has nothing', () => {
    fc.assert(
      fc.property(list, (one) => {
        const scores = fuse(one, []);
        for (const [index, { ref }] of one.entries())
          if (index > 0) assert.ok(scores.get(ref)! <= scores.get(one[index - 1]!.ref)!);
      }),
      cases(),
    );
  });

  it('put what is best in both above all others', () => {
    fc.assert(
      fc.property(list, list, (one, other) => {
        const best = { ref: 'best', score: 51 };
        const scores = fuse([best, ...one], [best, ...other]);
        for (const [ref, score] of scores) if (ref !== 'best') assert.ok(score < scores.get('best')!);
      }),
      cases(),
    );
  });

  it('go by ranks where the scores of one say nothing', () => {
    const same = [
      { ref: 'a', score: 1 },
      { ref: 'b', score: 1 },
    ];
    const scores = fuse(same, [
      { ref: 'b', score: 0.9 },
      { ref: 'c', score: 0.1 },
    ]);
    assert.deepEqual(
      [...scores].sort((one, other) => other[1] - one[1]).map(([ref]) => ref),
      ['b', 'a', 'c'],
    );
  });

  it('take a hundred of each that may be answered, however many may not', async () => {
    const texts = Array.from({ length: 1_000 }, (_, n) => ({ ref: `${n}`.padStart(4, '0'), score: 1_000 - n }));
    const may = (ref: string) => Number(ref) % 7 === 0;
    const find = async (refs: readonly string[]) => new Map(refs.filter(may).map((ref) => [ref, ref]));
    const fused = await fuseRankings(
      ranking(texts).lexical,
      ranking(texts.toReversed().map(({ ref }, n) => ({ ref, score: 1 - n / 1_000 }))).vectors,
      find,
    );
    assert.ok(fused.every(({ match }) => may(match)));
    const words = fused.filter(({ matched }) => matched > 0);
    assert.equal(words.length, 100);
    assert.equal(fused.length, 143, 'the last hundred of 143 by meaning, the first hundred by words');
  });

  it('call close what is in the upper half by meaning, and nothing that is far', async () => {
    const find = async (refs: readonly string[]) => new Map(refs.map((ref) => [ref, ref]));
    const closeOf = async (scores: readonly number[]) =>
      (
        await fuseRankings(
          ranking([]).lexical,
          ranking(scores.map((score, n) => ({ ref: `${n}`, score }))).vectors,
          find,
        )
      )
        .filter(({ isClose }) => isClose)
        .map(({ match }) => match);
    assert.deepEqual((await closeOf([0.9, 0.8, 0.4, 0.1])).sort(), ['0', '1']);
    assert.deepEqual(await closeOf([0.2, 0.1]), []);
    assert.deepEqual(await closeOf([0.7]), ['0']);
  });
});
