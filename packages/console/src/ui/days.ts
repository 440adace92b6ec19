const DAY_MS = 86_400_000;

/** A day in UTC, such as 2026-10-24, so many days later. */
export function addDays(day: string, days: number): string {
  return new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10);
}
