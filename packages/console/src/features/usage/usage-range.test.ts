import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UsageGroup } from '@reeve/contract';
import { addDays } from '../../ui/days.ts';
import { countDays, daysShown, everyDay, rangeOf } from './usage-range.ts';

test('without an address it is the last thirty days, today with them', () => {
  const shown = daysShown({}, '2026-03-01');
  assert.deepEqual(shown, { from: '2026-01-31', to: '2026-03-01' });
  assert.equal(countDays(shown), 30);
  assert.deepEqual(rangeOf(shown), { from: '2026-01-31', until: '2026-03-02' });
});

test('an address may name either end', () => {
  assert.equal(daysShown({ from: '2026-02-27' }, '2026-03-01').to, '2026-03-01');
  assert.equal(daysShown({ to: '2026-02-10' }, '2026-03-01').from, '2026-01-12');
});

test('a range that runs backwards or for years says so', () => {
  assert.match((rangeOf({ from: '2026-03-02', to: '2026-03-01' }) as { fault: string }).fault, /after/);
  assert.match((rangeOf({ from: '2020-01-01', to: '2026-03-01' }) as { fault: string }).fault, /At most 366/);
  assert.ok('until' in rangeOf({ from: '2026-03-01', to: '2026-03-01' }));
});

test('days without a call are there too, over the end of a month and of a leap year’s February', () => {
  const used = { key: '2028-02-29' } as UsageGroup;
  const days = everyDay({ from: '2028-02-28', until: '2028-03-02' }, [used]);
  assert.deepEqual(
    days.map(({ day, used: found }) => [day, found === used]),
    [
      ['2028-02-28', false],
      ['2028-02-29', true],
      ['2028-03-01', false],
    ],
  );
  assert.equal(addDays('2026-10-24', 2), '2026-10-26', 'no day is lost to a change of clocks');
});
