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
    z.string().min(1).default(SHIPPED_TENANTS_FILE).describe('What holds for tenants: budgets, limits, models, tools.'),
  ),
  rateLimit: setting(
    'REEVE_RATE_LIMIT',
    rate.optional().describe('Requests of each caller; unset: 600/min, and no limit in development mode.'),
  ),
  redisUrl: secret(
    'REDIS_URL',
    z
      .string()
      .regex(/^rediss?:\/\/[^\s/]/, 'it must be a redis:// or rediss:// URL')
      .refine((url) => URL.canParse(url), 'it must be a URL')
      .optional()
      .describe('Counts requests for many gateways; unset: PostgreSQL does, or this process where it is embedded.'),
  ),
  maxInFlight: setting(
    'REEVE_MAX_IN_FLIGHT',
    most(1_000_000)
      .default(1_000)
      .describe('Requests under way at which new runs are put off; lists are at three quarters. 0: any number.'),
  ),
  maxLoopDelayMs: setting(
    'REEVE_MAX_LOOP_DELAY_MS',
    most(60_000)
      .optional()
      .describe(
        'Delay of the event loop, in milliseconds, at which new runs are put off; lists are at half. 0: any. Unset: 1000, or 5000 with the embedded database, which works in the same thread.',
      ),
  ),
};
