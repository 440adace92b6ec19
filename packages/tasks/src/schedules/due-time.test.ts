import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ReeveError } from '@reeve/kit';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { parseCron } from './cron.ts';
import { nextDue, type Times } from './due-time.ts';

const MINUTE = 60_000;
const cronIn = (timezone: string, cron: string): Times => ({ frequency: null, cron, anchor: new Date(0), timezone });
const frequent = (timezone: string, frequency: 'daily' | 'weekly' | 'monthly', anchor: string): Times => ({
  frequency,
  cron: null,
  anchor: new Date(anchor),
  timezone,
});

/** The due times after `after`, as the zone's clocks show them, with the offset from UTC. */
function following(times: Times, after: string, count: number): string[] {
  const shown: string[] = [];
  let last = new Date(after);
  while (shown.length < count) {
    last = nextDue(times, last)!;
    shown.push(local(times.timezone, last));
  }
  return shown;
}

const formats = new Map<string, Intl.DateTimeFormat>();
function local(timezone: string, date: Date): string {
  let format = formats.get(timezone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('sv-SE', {
      timeZone: timezone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      timeZoneName: 'longOffset',
    });
    formats.set(timezone, format);
  }
  const at = Object.fromEntries(format.formatToParts(date).map(({ type, value }) => [type, value]));
  const offset = at['timeZoneName']!.replace('\u2212', '-').replace('GMT', '');
  return `${at['year']}-${at['month']}-${at['day']} ${at['hour']}:${at['minute']} ${offset === '' ? '+00:00' : offset}`;
}

describe('when the clocks change', () => {
  it('a daily time that is jumped over comes once, at the moment they jump to', () => {
    assert.deepEqual(following(cronIn('America/New_York', '30 2 * * *'), '2026-03-07T12:00:00Z', 2), [
      '2026-03-08 03:00 -04:00',
      '2026-03-09 02:30 -04:00',
    ]);
    assert.deepEqual(following(cronIn('Europe/Berlin', '30 2 * * *'), '2026-03-28T12:00:00Z', 2), [
      '2026-03-29 03:00 +02:00',
      '2026-03-30 02:30 +02:00',
    ]);
    assert.deepEqual(following(cronIn('Australia/Lord_Howe', '15 2 * * *'), '2026-10-02T20:00:00Z', 2), [
      '2026-10-04 02:30 +11:00',
      '2026-10-05 02:15 +11:00',
    ]);
  });

  it('a daily time that comes twice has its effect the first time', () => {
    assert.deepEqual(following(cronIn('America/New_York', '30 1 * * *'), '2026-10-31T12:00:00Z', 2), [
      '2026-11-01 01:30 -04:00',
      '2026-11-02 01:30 -05:00',
    ]);
    assert.deepEqual(following(cronIn('Europe/Berlin', '30 2 * * *'), '2026-10-24T12:00:00Z', 2), [
      '2026-10-25 02:30 +02:00',
      '2026-10-26 02:30 +01:00',
    ]);
    assert.deepEqual(following(cronIn('Australia/Lord_Howe', '45 1 * * *'), '2026-04-04T00:00:00Z', 2), [
      '2026-04-05 01:45 +11:00',
      '2026-04-06 01:45 +10:30',
    ]);
    assert.deepEqual(
      following(cronIn('America/New_York', '30 1 * * *'), '2026-11-01T05:45:00Z', 1),
      ['2026-11-02 01:30 -05:00'],
      'also for who asks between the two',
    );
  });

  it('several times that are set by numbers come once each, and as one where they are jumped over together', () => {
    assert.deepEqual(following(cronIn('America/New_York', '0,30 1 * * *'), '2026-11-01T04:00:00Z', 3), [
      '2026-11-01 01:00 -04:00',
      '2026-11-01 01:30 -04:00',
      '2026-11-02 01:00 -05:00',
    ]);
    assert.deepEqual(following(cronIn('America/New_York', '0 2,3 * * *'), '2026-03-08T05:00:00Z', 2), [
      '2026-03-08 03:00 -04:00',
      '2026-03-09 02:00 -04:00',
    ]);
  });

  it('an hourly cron comes each real hour', () => {
    assert.deepEqual(following(cronIn('America/New_York', '0 * * * *'), '2026-11-01T04:30:00Z', 3), [
      '2026-11-01 01:00 -04:00',
      '2026-11-01 01:00 -05:00',
      '2026-11-01 02:00 -05:00',
    ]);
    assert.deepEqual(following(cronIn('America/New_York', '0 * * * *'), '2026-03-08T05:30:00Z', 3), [
      '2026-03-08 01:00 -05:00',
      '2026-03-08 03:00 -04:00',
      '2026-03-08 04:00 -04:00',
    ]);
    assert.deepEqual(following(cronIn('Australia/Lord_Howe', '45 * * * *'), '2026-04-04T14:00:00Z', 3), [
      '2026-04-05 01:45 +11:00',
      '2026-04-05 01:45 +10:30',
      '2026-04-05 02:45 +10:30',
    ]);
    assert.deepEqual(following(cronIn('Asia/Kolkata', '0 * * * *'), '2026-03-08T05:00:00Z', 2), [
      '2026-03-08 11:00 +05:30',
      '2026-03-08 12:00 +05:30',
    ]);
  });

  it('a frequency keeps its time of day, and comes once on either day', () => {
    const daily = frequent('Europe/Berlin', 'daily', '2026-01-10T01:30:00Z');
    assert.deepEqual(following(daily, '2026-03-27T12:00:00Z', 3), [
      '2026-03-28 02:30 +01:00',
      '2026-03-29 03:00 +02:00',
      '2026-03-30 02:30 +02:00',
    ]);
    assert.deepEqual(following(daily, '2026-10-24T12:00:00Z', 2), [
      '2026-10-25 02:30 +02:00',
      '2026-10-26 02:30 +01:00',
    ]);
  });
});

describe('a frequency', () => {
  it('weekly comes on the day of the week that its anchor has in its zone', () => {
    // Friday evening in New York, Saturday in UTC.
    assert.deepEqual(
      following(frequent('America/New_York', 'weekly', '2026-01-03T01:00:30Z'), '2026-06-01T00:00:00Z', 2),
      ['2026-06-05 20:00 -04:00', '2026-06-12 20:00 -04:00'],
    );
    assert.equal(
      nextDue(frequent('UTC', 'weekly', '2026-01-03T01:00:30.250Z'), new Date('2026-06-01T00:00:00Z'))?.toISOString(),
      '2026-06-06T01:00:30.000Z',
      'to the second',
    );
  });

  for (const [day, dates] of [
    [28, ['02-28', '03-28', '04-28']],
    [29, ['02-28', '03-29', '04-29']],
    [30, ['02-28', '03-30', '04-30']],
    [31, ['02-28', '03-31', '04-30']],
  ] as const)
    it(`monthly on day ${day} comes on the last day of a shorter month`, () => {
      const times = frequent('Asia/Kolkata', 'monthly', `2026-01-${day}T03:30:00Z`);
      assert.deepEqual(
        following(times, '2026-02-01T00:00:00Z', 3),
        dates.map((date) => `2026-${date} 09:00 +05:30`),
      );
    });

  it('monthly on day 29 to 31 comes once in the February of a leap year', () => {
    for (const day of [29, 30, 31])
      assert.deepEqual(
        following(frequent('UTC', 'monthly', `2026-01-${day}T09:00:00Z`), '2028-02-01T00:00:00Z', 2).map((text) =>
          text.slice(0, 10),
        ),
        ['2028-02-29', `2028-03-${day}`],
      );
  });

  it('does not come before its anchor', () => {
    assert.equal(
      nextDue(frequent('UTC', 'daily', '2030-01-01T08:00:00Z'), new Date('2026-01-01T00:00:00Z'))?.toISOString(),
      '2030-01-01T08:00:00.000Z',
    );
  });
});

describe('a due time', () => {
  it('may be years away', () => {
    assert.deepEqual(following(cronIn('UTC', '0 0 29 2 *'), '2096-03-01T00:00:00Z', 1), ['2104-02-29 00:00 +00:00']);
  });

  it('with both days restricted comes on either', () => {
    assert.deepEqual(
      following(cronIn('UTC', '0 0 13 * FRI'), '2026-03-01T00:00:00Z', 3).map((text) => text.slice(0, 10)),
      ['2026-03-06', '2026-03-13', '2026-03-20'],
    );
  });

  it('is null at the end of the year 9999, and at the earliest in 1970', () => {
    assert.equal(nextDue(cronIn('America/New_York', '0 * * * *'), new Date('9999-12-31T23:30:00Z')), null);
    assert.equal(
      nextDue(cronIn('UTC', '0 * * * *'), new Date('0001-01-01T00:00:00Z'))?.toISOString(),
      '1970-01-01T01:00:00.000Z',
    );
  });

  it('is refused in what is not a time zone', () => {
    for (const timezone of [
      '',
      'Berlin',
      'Europe/Atlantis',
      'PST',
      'IST',
      '+05:30',
      'Europe/Berlin\n',
      'é',
      'x'.repeat(10_000),
    ])
      assert.throws(
        () => nextDue(cronIn(timezone, '0 0 * * *'), new Date()),
        (error) =>
          error instanceof ReeveError && error.reason === 'invalid_request' && error.details[0]?.path === 'timezone',
        timezone,
      );
  });
});

describe('the next due time', () => {
  const ZONES = [
    'America/New_York',
    'Europe/Berlin',
    'Australia/Lord_Howe',
    'Asia/Kolkata',
    'UTC',
    'Asia/Beirut',
    'America/Sao_Paulo',
  ];
  const zone = fc.constantFrom(...ZONES);
  const after = fc.date({ min: new Date('2015-01-01'), max: new Date('2040-01-01'), noInvalidDate: true });
  const field = (min: number, max: number) => {
    const range = fc
      .tuple(fc.integer({ min, max }), fc.integer({ min, max }))
      .map((ends) => ends.toSorted((a, b) => a - b).join('-'));
    const item = fc.oneof(
      fc.integer({ min, max }).map(String),
      range,
      fc.tuple(range, fc.integer({ min: 1, max: 5 })).map((parts) => parts.join('/')),
    );
    const step = fc.integer({ min: 1, max: Math.min(max, 12) }).map((size) => `*/${size}`);
    return fc.oneof(
      fc.constant('*'),
      step,
      fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => items.join(',')),
    );
  };
  const cron = fc
    .tuple(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 7))
    .map((fields) => fields.join(' '));
  const frequency = fc.constantFrom('daily' as const, 'weekly' as const, 'monthly' as const);
  const times: fc.Arbitrary<Times> = fc.oneof(
    fc.record({ frequency: fc.constant(null), cron, anchor: after, timezone: zone }),
    fc.record({ frequency, cron: fc.constant(null), anchor: after, timezone: zone }),
  );

  it('is strictly later, and never earlier for who asks later', () => {
    fc.assert(
      fc.property(times, after, fc.nat(90 * 24 * 3600_000), (given, first, laterMs) => {
        const next = nextDue(given, first)!;
        assert.ok(next > first);
        const second = new Date(first.getTime() + laterMs);
        const later = nextDue(given, second)!;
        assert.ok(later >= next);
        if (second < next && given.cron !== null) assert.deepEqual(later, next, 'nothing lies between');
      }),
      cases(500),
    );
  });

  it('has the fields that its cron asks for, or is the end of a gap', () => {
    fc.assert(
      fc.property(cron, zone, after, (text, timezone, first) => {
        const next = nextDue(cronIn(timezone, text), first)!;
        const wild = isWild(text);
        const gapBefore = offsetOf(timezone, new Date(next.getTime() - 1)) < offsetOf(timezone, next);
        assert.ok(matches(text, timezone, next) || (!wild && gapBefore), local(timezone, next));
      }),
      cases(500),
    );
  });

  it('of a cron that follows real time is the first matching minute, around each change of the clocks too', () => {
    const around = fc
      .constantFrom(
        '2026-03-08T07:00Z',
        '2026-11-01T06:00Z',
        '2026-03-29T01:00Z',
        '2026-10-25T01:00Z',
        '2026-04-04T15:00Z',
        '2026-10-03T15:30Z',
      )
      .chain((change) =>
        fc.integer({ min: -180, max: 180 }).map((minutes) => new Date(Date.parse(change) + minutes * MINUTE)),
      );
    const wildCron = fc.tuple(fc.constantFrom('*', '*/7', '0-50/10', '45', '0'), fc.constantFrom('*', '*/2', '1-4/1'));
    fc.assert(
      fc.property(wildCron, zone, around, ([minute, hour], timezone, first) => {
        const text = `${minute} ${hour} * * *`;
        if (!isWild(text)) return;
        let expected = new Date((Math.floor(first.getTime() / MINUTE) + 1) * MINUTE);
        while (!matches(text, timezone, expected)) expected = new Date(expected.getTime() + MINUTE);
        assert.deepEqual(nextDue(cronIn(timezone, text), first), expected);
      }),
      cases(300),
    );
  });

  it('comes once a local day for a daily frequency, in every zone', () => {
    fc.assert(
      fc.property(zone, after, (timezone, anchor) => {
        const days = following({ frequency: 'daily', cron: null, anchor, timezone }, anchor.toISOString(), 200).map(
          (text) => text.slice(0, 10),
        );
        assert.equal(new Set(days).size, days.length);
        const span = (Date.parse(days.at(-1)!) - Date.parse(days[0]!)) / (24 * 3600_000);
        assert.equal(span, days.length - 1, 'no day is left out');
      }),
      cases(20),
    );
  });
});

/** True where minutes or hours follow real time. */
function isWild(cron: string): boolean {
  const [minute = '', hour = ''] = parseCron(cron).split(' ');
  return /[*/]/.test(minute + hour);
}

function offsetOf(timezone: string, date: Date): number {
  const [, sign, hours, minutes] = /([+-])(\d\d):(\d\d)$/.exec(local(timezone, date))!;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

/** Whether the clocks of the zone show a time that the cron asks for; written without the library. */
function matches(cron: string, timezone: string, date: Date): boolean {
  const [, year, month, day, hour, minute] = /^(\d+)-(\d\d)-(\d\d) (\d\d):(\d\d)/
    .exec(local(timezone, date))!
    .map(Number);
  const weekday = new Date(Date.UTC(year!, month! - 1, day)).getUTCDay();
  const [minutes, hours, days, months, weekdays] = parseCron(cron).split(' ') as [
    string,
    string,
    string,
    string,
    string,
  ];
  const onDay = includes(days, 1, 31, day!);
  const onWeekday = includes(weekdays, 0, 7, weekday) || includes(weekdays, 0, 7, weekday === 0 ? 7 : weekday);
  const either = days !== '*' && weekdays !== '*' ? onDay || onWeekday : onDay && onWeekday;
  return (
    includes(minutes, 0, 59, minute!) && includes(hours, 0, 23, hour!) && includes(months, 1, 12, month!) && either
  );
}

function includes(field: string, min: number, max: number, value: number): boolean {
  return field.split(',').some((item) => {
    const [range = '', step = '1'] = item.split('/');
    const [low = min, high = range === '*' ? max : low] = range === '*' ? [] : range.split('-').map(Number);
    return value >= low && value <= high && (value - low) % Number(step) === 0;
  });
}
