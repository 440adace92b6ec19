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
