import { join } from 'node:path';
import { secret, setting } from '@reeve/kit';
import { z } from 'zod';

/** The tenants file that comes with Reeve, which limits nothing. */
const SHIPPED_TENANTS_FILE = join(import.meta.dirname, '../../../conf/tenants.yaml');

/** So many requests in each window of so many seconds. */
export interface Rate {
  readonly count: number;
  readonly windowS: number;
}

const WINDOWS = { s: 1, min: 60, h: 3_600 } as const;
const RATE = 'it must be a number of requests by s, min or h, such as 600/min, or off';
const rate = z.string(RATE).regex(/^(off|[1-9]\d{0,6}\/(s|min|h))$/, RATE);

/** A rate as it is configured: `600/min`, or `off`. */
export function rateOf(configured: string): Rate | 'off' {
  if (configured === 'off') return 'off';
  const [count, window] = configured.split('/') as [string, keyof typeof WINDOWS];
  return { count: Number(count), windowS: WINDOWS[window] };
}

const most = (max: number) =>
  z.coerce
    .number('it must be a number')
    .int('it must be a whole number')
    .min(0, 'it must be at least 0')
    .max(max, `it must be at most ${max}`);

/** Settings of the tenants file and of the limits on requests. */
export const limitSettings = {
  tenantsFile: setting(
    'REEVE_TENANTS_FILE',
    z
      .string()
      .min(1)
      .default(SHIPPED_TENANTS_FILE)
      .describe('File of policies by tenant: budgets, limits, models, tools; reloaded on change.'),
  ),
  rateLimit: setting(
    'REEVE_RATE_LIMIT',
    rate
      .optional()
      .describe('Rate limit of each caller, such as 600/min, or off; unset: 600/min, and none in development mode.'),
  ),
  redisUrl: secret(
    'REDIS_URL',
    z
      .string()
      .regex(/^rediss?:\/\/[^\s/]/, 'it must be a redis:// or rediss:// URL')
      .refine((url) => URL.canParse(url), 'it must be a URL')
      .optional()
      .describe(
        'Redis that counts the requests of several gateways; unset: PostgreSQL does, or the process itself with the embedded database.',
      ),
  ),
  maxInFlight: setting(
    'REEVE_MAX_IN_FLIGHT',
    most(1_000_000)
      .default(1_000)
      .describe(
        'Load shedding: requests in flight above which new runs are refused; lists at three quarters. 0: no limit.',
      ),
  ),
  maxLoopDelayMs: setting(
    'REEVE_MAX_LOOP_DELAY_MS',
    most(60_000)
      .optional()
      .describe(
        'Load shedding: delay of the event loop, in milliseconds, above which new runs are refused; lists at half. 0: no limit. Unset: 1000, or 5000 with the embedded database, which runs on the same thread.',
      ),
  ),
};
