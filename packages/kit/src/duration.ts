const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A length of time such as `90s`, `15m`, `2h` or `7d`, in milliseconds; undefined where the text is none. */
export function parseDuration(text: string): number | undefined {
  const [, number, unit] = /^(\d{1,8})([smhd])$/.exec(text) ?? [];
  return number === undefined ? undefined : Number(number) * UNIT_MS[unit as keyof typeof UNIT_MS];
}
