import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ReeveError } from '@reeve/kit';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { parseCron } from './cron.ts';

function problemOf(text: string): string {
  try {
    parseCron(text);
  } catch (error) {
    assert.ok(error instanceof ReeveError);
    assert.equal(error.reason, 'invalid_request');
    assert.deepEqual(
      error.details.map(({ path }) => path),
      ['cron'],
    );
    assert.match(error.message, /right is for example 30 9 \* \* MON-FRI/);
    return error.message;
  }
  return 'none';
}

describe('a cron', () => {
  for (const [text, plain] of [
    ['0 9 * * 1-5', '0 9 * * 1-5'],
    ['  */15\t9-17/2 1,15  JAN-mar,Dec mon-Fri ', '*/15 9-17/2 1,15 1-3,12 1-5'],
    ['00 07 * * 7', '0 7 * * 7'],
    ['0 0 * * FRI-SUN', '0 0 * * 5-7'],
    ['0 0 * * 5-0', '0 0 * * 5-7'],
    ['*/1 * 1-31 * *', '* * 1-31 * *'],
    ['*,5 * * * *', '* * * * *'],
    ['0 0 l * *', '0 0 L * *'],
    ['0 0 29 2 *', '0 0 29 2 *'],
    ['0 0 30 */2 *', '0 0 30 */2 *'],
    ['0 0 30 2 MON', '0 0 30 2 1'],
    ['0 0 31 2,4-6/2,9 MON-SUN/1', '0 0 31 2,4-6/2,9 1-7/1'],
  ] as const)
    it(`${text} is understood`, () => assert.equal(parseCron(text), plain));

  for (const [text, problem] of [
    ['', /0 fields and needs five/],
    ['@daily', /1 field and needs five/],
    ['* * * *', /4 fields/],
    ['0 0 9 * * *', /6 fields/],
    ['0 0 9 * * * 2030', /7 fields/],
    ['60 * * * *', /60 in the minute is not 0 to 59/],
    ['* 24 * * *', /24 in the hour/],
    ['* * 0 * *', /0 in the day of month is not 1 to 31/],
    ['* * * 13 *', /13 in the month/],
    ['* * * * 8', /8 in the day of week is not 0 to 7/],
    ['*/0 * * * *', /step of "\*\/0" in the minute must be 1 to 59/],
    ['*/60 * * * *', /must be 1 to 59/],
    ['*/99999999999999999999 * * * *', /must be 1 to 59/],
    ['5/15 * * * *', /say 5-59\/15/],
    ['30-10 * * * *', /range "30-10" in the minute runs backwards/],
    ['1-2-3 * * * *', /"1-2-3" in the minute is not understood/],
    ['*/2/2 * * * *', /not understood/],
    ['-5 * * * *', /not understood/],
    ['1, * * * *', /"" in the minute is not understood/],
    ['? * * * *', /not understood/],
    ['0 0 LW * *', /not understood/],
    ['0 0 15W * *', /not understood/],
    ['0 0 * * 5L', /not understood/],
    ['0 0 * * FRI#2', /not understood/],
    ['0 0 * * +MON', /not understood/],
    ['0 0 * * MONDAY', /"MONDAY" in the day of week .* SUN to SAT/],
    ['0 0 * L *', /not understood/],
    ['MON 0 * * *', /not understood/],
    ['٣ 0 * * *', /not understood/],
    ['0\u00a09 * * *', /4 fields/],
    ['0 9 * * \u{1F600}', /not understood/],
    ['0 0 30 2 *', /it never comes: no month in it has the day 30/],
    ['0 0 31 2,4-6/2,9 *', /never comes/],
    ['0 0 30-31/1 FEB *', /never comes/],
    [`${'1,'.repeat(5_000)}1 * * * *`, /it has 10009 characters; 200 are allowed/],
  ] as const)
    it(`${text.slice(0, 30)} is refused`, () => assert.match(problemOf(text), problem));

  it('is refused with a reason, whatever it is, or is plain', () => {
    const hostile = fc.oneof(
      fc.string({ maxLength: 300, unit: 'binary' }),
      fc.string({ maxLength: 40, unit: fc.constantFrom(...'0123456789*/,-LW#? MONJAN'.split('')) }),
      fc
        .array(fc.string({ maxLength: 6, unit: fc.constantFrom(...'0159*/,-'.split('')) }), {
          minLength: 5,
          maxLength: 5,
        })
        .map((parts) => parts.join(' ')),
    );
    fc.assert(
      fc.property(hostile, (text) => {
        if (problemOf(text) !== 'none') return;
        const plain = parseCron(text);
        assert.match(plain, /^([0-9*/,-]+ ){2}([0-9*/,-]+|L) [0-9*/,-]+ [0-9*/,-]+$/);
        assert.equal(parseCron(plain), plain);
      }),
      cases(2_000),
    );
  });
});
