/**
 * Settings that every statement relies on. Times are answered in UTC. Compiling statements pays for analysis of much data, which
 * nothing here is; the millions of a backlog would set it off.
 */
export const SETTINGS = { TimeZone: 'UTC', jit: 'off' } as const;

/**
 * Settings under which a plan is made once and kept. Planning a statement anew each time, which array parameters would make
 * PostgreSQL do, costs more than running it; and a plan that is kept must not be one for the tables as they were when they were
 * small: by index, always.
 */
export const KEPT_PLANS = {
  plan_cache_mode: 'force_generic_plan',
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
} as const;

/** Settings of PostgreSQL by name. */
export type Settings = Readonly<Record<string, string>>;

/** The calls that set them, for a `select`: until the transaction ends, or for as long as the connection lasts. */
export function settingCalls(settings: Settings, until: 'transaction' | 'session'): string {
  return Object.entries(settings)
    .map(([name, value]) => `set_config('${name}', '${value}', ${until === 'transaction'})`)
    .join(', ');
}
