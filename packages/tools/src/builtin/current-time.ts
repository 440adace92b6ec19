import { ReeveError } from '@reeve/kit';
import { z } from 'zod';
import { defineTool, success } from '../tool.ts';

/** The date and time in a time zone. */
export const currentTime = defineTool({
  name: 'current_time',
  description:
    'Tells the current date, time and weekday. Give `timezone` as an IANA name such as "Europe/Berlin"; without it the answer is in UTC.',
  effect: 'none',
  timeoutMs: 5_000,
  input: z.strictObject({
    timezone: z.string().min(1).max(100).optional().describe('IANA time zone, such as "Asia/Tokyo".'),
  }),
  async execute({ timezone = 'UTC' }, { now }) {
    const date = now();
    const parts = partsOf(date, timezone);
    const offset = parts.timeZoneName!.replace('GMT', '') || '+00:00';
    return success({
      iso: `${parts.year}-${parts.month}-${parts.day}T${parts.hour}:${parts.minute}:${parts.second}${offset}`,
      timezone,
      weekday: parts.weekday,
    });
  },
});

function partsOf(date: Date, timeZone: string): Partial<Record<Intl.DateTimeFormatPartTypes, string>> {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      weekday: 'long',
      timeZoneName: 'longOffset',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
  } catch (cause) {
    throw new ReeveError(
      'invalid_request',
      `timezone: ${JSON.stringify(timeZone)} is no time zone; give an IANA name such as "Europe/Berlin" or "UTC"`,
      { cause },
    );
  }
  return Object.fromEntries(format.formatToParts(date).map(({ type, value }) => [type, value]));
}
