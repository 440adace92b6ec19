import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { relationOf, type Relation } from './likeness.ts';

const LONG =
  'Deployments go out on weekdays in the morning after the whole suite has passed on both databases and somebody of the team has looked at the list of changes and nobody has asked for more time in the channel of the team';

/** Old, new, and what the new one is. */
const PAIRS: readonly (readonly [old: string, text: string, relation: Relation])[] = [
  ['Ada prefers tea.', 'Ada prefers the tea', 'same'],
  ['The café opens at 9:00', 'the cafe opens at 9:00!', 'same'],
  ['The rent is 1,000 euros', 'the rent is 1000 euros', 'same'],
  [LONG, `${LONG}.`.replace('the whole suite', 'whole suite'), 'same'],
  [LONG, `${LONG} again`, 'fuller'],
  [LONG, LONG.replace(' again', '').replace('of changes ', 'changes '), 'same'],
  [LONG, LONG.replace('weekdays', 'holidays'), 'other'],
  ['Ada lives in Berlin', 'Ada lives in Munich', 'changed'],
  ['Ada lives in Berlin', 'Ada lives in Munich with her cat', 'changed'],
  ['The door code is 4711', 'The door code is 4712', 'changed'],
  ['The rent is 900 euros a month', 'The rent is 950 euros a month', 'changed'],
  ['Ada has 2 cats', 'Ada has 3 cats', 'changed'],
  ['The capital is Bonn', 'The capital is Berlin', 'changed'],
  ['The cat is called Fox', 'The cat is called Bella', 'changed'],
  ["Ada's favorite color is blue", "Ada's favorite color is green", 'changed'],
  ['Penguins can fly', 'Penguins cannot fly', 'changed'],
  ['Ada likes tea', "Ada doesn't like tea", 'changed'],
  ['Ada does not like tea', 'Ada likes tea', 'changed'],
  ['The build runs at 10:00', 'The build no longer runs at 10:00', 'changed'],
  ['Ada likes tea', 'Ada likes coffee', 'other'],
  ['Ada has a cat', 'Ada has a dog', 'other'],
  ['Ada is tall', 'Ada is tired', 'other'],
  ['Invoice 17 is paid', 'Invoice 18 is paid', 'other'],
  ['Backup finished Monday', 'Backup finished Tuesday', 'other'],
  ['Ada beats Bob', 'Bob beats Ada', 'other'],
  ['Turn the light on', 'Turn the light off', 'other'],
  ['Ada lives in Berlin', 'Ada lives in Berlin near the river and works in a large house', 'other'],
  ['Ada never does not answer', 'Ada does not answer', 'changed'],
  ['The sprint starts on Monday', 'The sprint starts on Tuesday', 'changed'],
  ['Ada works at Acme', 'Ada works at Initech', 'changed'],
  ['Ada works with Bob', 'Ada works with Eve', 'other'],
  ['Ada works on billing', 'Ada works on search', 'other'],
  ['One reviewer of the release is Bob', 'One reviewer of the release is Eve', 'other'],
  ['A member of the team is Bob', 'A member of the team is Eve', 'other'],
  ['Our rule is never deploy on Friday', 'Our rule is never deploy on Monday', 'other'],
  ['A customer in Berlin is Zalando', 'A customer in Berlin is Siemens', 'other'],
  ['!!!', '???', 'other'],
  ['艾达住在北京', '艾达住在上海', 'other'],
];

describe('how a new text relates to an old one', () => {
  for (const [old, text, relation] of PAIRS)
    it(`“${text.slice(0, 60)}” is ${relation} after “${old.slice(0, 60)}”`, () =>
      assert.equal(relationOf(text, old), relation));

  const words = fc.array(fc.stringMatching(/^[a-z]{2,8}$/), { minLength: 2, maxLength: 30 });

  it('a text says the same as itself, whatever its case, signs and articles', () => {
    fc.assert(
      fc.property(words, fc.constantFrom(' ', ', ', ' the ', ' – '), (all, joint) => {
        assert.equal(relationOf(all.join(joint).toUpperCase(), all.join(' ')), 'same');
      }),
      cases(),
    );
  });

  it('nothing is the same where a number differs', () => {
    fc.assert(
      fc.property(words, fc.nat(9_999), fc.nat(9_999), fc.nat(30), (all, one, other, at) => {
        fc.pre(one !== other);
        const text = (value: number) => all.toSpliced(at % all.length, 0, String(value)).join(' ');
        assert.notEqual(relationOf(text(one), text(other)), 'same');
      }),
      cases(),
    );
  });

  it('no word of a new text is lost to an old one that it is the same as', () => {
    const near = words.chain((all) =>
      fc.tuple(fc.constant(all), fc.nat(all.length), fc.array(fc.stringMatching(/^[a-z]{2,8}$/), { maxLength: 3 })),
    );
    fc.assert(
      fc.property(near, ([all, at, more]) => {
        const text = all.toSpliced(at, 0, ...more);
        const isKept = text.every((word) => all.includes(word) || ['an', 'the'].includes(word));
        if (relationOf(text.join(' '), all.join(' ')) === 'same') assert.ok(isKept);
      }),
      cases(),
    );
  });

  it('no text fails or takes long', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 200 }),
        fc.string({ unit: 'binary', maxLength: 200 }),
        (one, other) => {
          assert.ok(['same', 'fuller', 'changed', 'other'].includes(relationOf(one, other)));
        },
      ),
      cases(),
    );
    const startedAt = performance.now();
    relationOf('a1 '.repeat(700), 'a1 '.repeat(699));
    relationOf('x'.repeat(2_000), "n't".repeat(700));
    assert.ok(performance.now() - startedAt < 1_000);
  });
});
