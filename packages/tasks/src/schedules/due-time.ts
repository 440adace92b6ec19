import type { Frequency } from '@reeve/contract';
import { invalidField } from '@reeve/kit';
import { Cron } from 'croner';
import { parseCron } from './cron.ts';

/*
 * When the clocks change. A time that is set by numbers alone, as every frequency's is, comes once a day whatever they do:
 * where they jump over it, at the moment to which they jump (02:30 at 03:00), and where it comes twice, the first time. A cron
 * with a star or a step in its minutes or hours follows real time instead: `0 * * * *` comes each real hour, also the one that
 * is there twice, and what the clocks jump over does not come.
 */

/** The times of a schedule: either `frequency` or `cron` is set. */
export interface Times {
  readonly frequency: Frequency | null;
  readonly cron: string | null;
  /** Gives a frequency its time of day, in the time zone, its day of the week and of the month, and its beginning. */
  readonly anchor: Date;
  /** An IANA name, such as Europe/Berlin. */
  readonly timezone: string;
}

/** Before this no schedule is due. */
const EARLIEST = 0;
const LATEST = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/**
 * The first due time strictly after `after`, to the second; null where there is none before the year 10000. `monthly` falls
 * on the last day of a month that does not have the anchor's day. Throws `invalid_request` for a cron or a time zone that is
 * not one.
 */
export function nextDue(times: Times, after: Date): Date | null {
  requireTimeZone(times.timezone);
  const begin = times.cron === null ? times.anchor.getTime() - 1 : EARLIEST;
  const from = new Date(Math.max(after.getTime(), begin, EARLIEST));
  const next = patternsOf(times)
    .map((pattern) =>
      new Cron(pattern, {
        timezone: times.timezone,
        mode: '6-part',
        fixedTimeRule: 'no-wildcard',
        paused: true,
      }).nextRun(from),
    )
    .filter((date) => date !== null)
    .map((date) => date.getTime());
  const first = Math.min(...next);
  return first > LATEST ? null : new Date(first);
}

/** Only names of places in the IANA time zone database, and UTC. */
function requireTimeZone(timezone: string): void {
  // Abbreviations such as IST mean different things to different people, and offsets know nothing of daylight saving.
  if (/^[A-Za-z_]+(\/[A-Za-z0-9_+-]+)+$|^(UTC|GMT)$/i.test(timezone) && isKnown(timezone)) return;
  throw invalidField(
    'timezone',
    `${JSON.stringify(timezone.slice(0, 60))} is not an IANA time zone; right is for example Europe/Berlin or UTC`,
  );
}

function isKnown(timezone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone }).format(EARLIEST);
    return true;
  } catch {
    return false;
  }
}

/** The times as crons with seconds; due is whichever comes first. */
function patternsOf({ frequency, cron, anchor, timezone }: Times): string[] {
  if (cron !== null) return [`0 ${parseCron(cron)}`];
  const local = localFields(anchor, timezone);
  const time = `${local.second} ${local.minute} ${local.hour}`;
  if (frequency === 'daily') return [`${time} * * *`];
  if (frequency === 'weekly') return [`${time} * * ${local.weekday}`];
  if (local.day <= 28) return [`${time} ${local.day} * *`];
  if (local.day === 31) return [`${time} L * *`];
  return [`${time} ${local.day} * *`, `${time} L 2 *`];
}

function localFields(date: Date, timezone: string) {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    calendar: 'iso8601',
    hourCycle: 'h23',
    weekday: 'short',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(date);
  const text = (type: Intl.DateTimeFormatPartTypes) => parts.find((part) => part.type === type)!.value;
  return {
    second: Number(text('second')),
    minute: Number(text('minute')),
    hour: Number(text('hour')),
    day: Number(text('day')),
    weekday: text('weekday').toUpperCase(),
  };
}
