import type { Schedule } from '@reeve/contract';

/** When a schedule is due, in words: its frequency or its cron line, and the time zone. */
export function ruleOf({ frequency, cron, timezone }: Pick<Schedule, 'frequency' | 'cron' | 'timezone'>): string {
  return `${frequency === null ? (cron ?? '') : `${frequency[0]!.toUpperCase()}${frequency.slice(1)}`} · ${timezone}`;
}

/** The time until a moment, short: `in 5 min`, `in 3 h`, `in 2 d`; `now` in milliseconds. */
export function formatIn(iso: string, now: number): string {
  const minutes = Math.ceil((Date.parse(iso) - now) / 60_000);
  if (minutes <= 0) return 'due now';
  if (minutes < 60) return `in ${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `in ${hours} h` : `in ${Math.round(hours / 24)} d`;
}
