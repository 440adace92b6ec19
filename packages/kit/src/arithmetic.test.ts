import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { evaluate } from './arithmetic.ts';

describe('arithmetic', () => {
  it('is exact where decimals are', () => {
    for (const [expression, value] of [
      ['0.1 + 0.2', '0.3'],
      ['2 * (3 + 4) ^ 2', '98'],
      ['-3 % 2', '1'],
      ['15% * 80', '12'],
      ['100 + 10%', '110'],
      ['2^100', '1267650600228229401496703205376'],
      ['30!', '265252859812191058636308480000000'],
      ['sqrt(2)^2', '2'],
      ['1 / 3', '0.33333333333333333333333333333333'],
      ['sin(pi)', '0'],
      ['ln(e)', '1'],
      ['log(8, 2)', '3'],
      ['round(2.345, 2)', '2.35'],
      ['max(1, 2, 3) - min(4, 5)', '-1'],
      ['gcd(12, 18)', '6'],
      ['7 × 8 ÷ 2', '28'],
      ['1e-30', '1e-30'],
      ['2 pi', '6.283185307179586476925286766559'],
    ] as const) {
      assert.equal(evaluate(expression), value, expression);
    }
  });

  it('refuses what is not arithmetic', () => {
    for (const expression of [
      'a = 1',
      'f(x) = x',
      '[1, 2]',
      '1:3',
      '"s"',
      'true',
      '5 cm',
      'i',
      '5 > 3',
      'a ? b : c',
      '1; 2',
      'x.y',
      'import("x")',
      'evaluate("1")',
      'parse("1")',
      'createUnit("x")',
      'constructor',
      'toString()',
      'simplify(1)',
      'cos.constructor("return process")()',
      '{a: 1}',
      '',
      '   ',
      '1 +',
      '2 |> sqrt',
    ]) {
      assert.throws(() => evaluate(expression), { reason: 'invalid_request' }, expression);
    }
  });

  it('refuses what has no value, or too large a one, at once', () => {
    const startedAt = performance.now();
    for (const expression of [
      '1 / 0',
      '5 % 0',
      '0^-1',
      'sqrt(-1)',
      'log(0)',
      'log(-1)',
      'acos(2)',
      '(-8)^(1/3)',
      'tan(pi / 2)',
      '9^9^9',
      '1e20000',
      '100000!',
      '(-1)!',
      '2.5!',
      '10^9999 * 10^9999',
      'exp(1e9)',
      'sin(1e40)',
      '((1000!)!)!',
      `${'('.repeat(400)}1${')'.repeat(400)}${'+1'.repeat(300)}`,
    ]) {
      assert.throws(() => evaluate(expression), { reason: 'invalid_request' }, expression);
    }
    assert.ok(performance.now() - startedAt < 2_000);
  });
});
