import assert from 'node:assert/strict';
import { it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { compileLinear, type LinearPattern } from './linear-pattern.ts';

function compiled(source: string): LinearPattern {
  const pattern = compileLinear(source);
  assert.ok(!('problem' in pattern), source);
  return pattern;
}

it('a linear pattern says where it matches', () => {
  const pattern = compiled('(?i)emp-\\d{3}');
  assert.deepEqual(pattern.find('EMP-123, emp-456 and emp-78', 10), [
    { start: 0, end: 7 },
    { start: 9, end: 16 },
  ]);
  assert.equal(pattern.find('EMP-123 emp-456', 1).length, 1);
  assert.deepEqual([pattern.test('is emp-1234'), pattern.test('emp')], [true, false]);
});

it('what cannot be matched in linear time, is too large or matches everything is refused with why', () => {
  for (const [source, why] of [
    ['(', /missing closing/],
    ['(?=x)', /unsupported/],
    ['(a)\\1', /invalid escape/],
    ['a{1001}', /repeat count/],
    ['(.{1,60}){1,10}z', /too large/],
    ['a*', /empty text/],
  ] as const) {
    const pattern = compileLinear(source);
    assert.ok('problem' in pattern, source);
    assert.match(pattern.problem, why);
  }
});

it('patterns that keep other engines busy for ever are matched at once', () => {
  const text = 'a'.repeat(20_000);
  for (const source of ['(a+)+$x', '(a|aa)+b', '(?:a?){60}a{60}b', '(.*.*.*)=']) {
    const startedAt = performance.now();
    assert.equal(compiled(source).test(text), false, source);
    assert.ok(performance.now() - startedAt < 5_000, source);
  }
});

it('a literal pattern is found exactly where the text is', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-c]{1,4}$/), fc.stringMatching(/^[a-d]{0,40}$/), (needle, text) => {
      const [first] = compiled(needle).find(text, 1);
      assert.equal(first?.start ?? -1, text.indexOf(needle));
    }),
    cases(),
  );
});
