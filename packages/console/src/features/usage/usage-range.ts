import type { UsageGroup } from '@reeve/contract';
import type { UsageRange } from '../../api/usage.ts';
import { addDays } from '../../ui/days.ts';

const DAY_MS = 86_400_000;

/** The longest range that is drawn day by day. */
const MOST_DAYS = 366;

/** What an address says of a range: its first and its last day in UTC. */
export interface Days {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** The same, both named. */
export interface DaysShown {
  readonly from: string;
  readonly to: string;
}

/** Ranges to choose with one key, by their number of days. */
export const PRESETS = [7, 30, 90] as const;
const DEFAULT_DAYS = 30;

/** The days that are shown, `today` in UTC being the last where the address names none. */
export function daysShown({ from, to }: Days, today: string): DaysShown {
  const last = to ?? today;
  const first = from ?? addDays(last, 1 - DEFAULT_DAYS);
  return { from: first, to: last };
}

/** The range to ask for, or why it can't be. */
export function rangeOf(shown: DaysShown): UsageRange | { readonly fault: string } {
  if (shown.from > shown.to) return { fault: 'The first day is after the last one.' };
  if (countDays(shown) > MOST_DAYS) return { fault: `At most ${MOST_DAYS} days are shown at once.` };
  return { from: shown.from, until: addDays(shown.to, 1) };
}

/** Every day of a range with what was used on it; undefined where nothing was. */
export function everyDay(
  { from, until }: UsageRange,
  groups: readonly UsageGroup[],
): { readonly day: string; readonly used: UsageGroup | undefined }[] {
  const byDay = new Map(groups.map((group) => [group.key, group]));
  const days = [];
  for (let day = from; day < until; day = addDays(day, 1)) days.push({ day, used: byDay.get(day) });
  return days;
}

/** How many days a range has, both ends counted. */
export function countDays({ from, to }: DaysShown): number {
  return Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS) + 1;
}

/** The day of a moment, in UTC. */
export function dayOf(now: number): string {
  return new Date(now).toISOString().slice(0, 10);
}
