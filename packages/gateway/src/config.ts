import { flag, setting } from '@reeve/kit';
import { z } from 'zod';

const whole = (min: number, max: number) =>
  z.coerce
    .number('it must be a number')
    .int('it must be a whole number')
    .min(min, `it must be at least ${min}`)
    .max(max, `it must be at most ${max}`);

/** Settings of `/execute` and of the gateway. */
export const gatewaySettings = {
  showsMetrics: setting('REEVE_METRICS', flag.default(true).describe('Serve /metrics, without authentication.')),
  defaultAgent: setting(
    'REEVE_DEFAULT_AGENT',
    z
      .string()
      .trim()
      .min(1, 'it must name an agent')
      .max(200, 'it must have at most 200 characters')
      .default('assistant')
      .describe('Default agent, used when a request names none: its slug or id.'),
  ),
  gatewayTimeoutMs: setting(
    'GATEWAY_TIMEOUT_MS',
    whole(1, 600_000).default(10_000).describe('Default time that /execute waits for a run, in milliseconds.'),
  ),
  gatewayRetries: setting(
    'GATEWAY_RETRIES',
    whole(1, 10)
      .default(3)
      .describe('Attempts of /execute to start a run; only failures that certainly started none are retried.'),
  ),
  gatewayCircuitFailures: setting(
    'GATEWAY_CIRCUIT_FAILURES',
    whole(1, 1_000).default(5).describe('Consecutive failures of /execute after which its circuit opens.'),
  ),
  gatewayCircuitResetMs: setting(
    'GATEWAY_CIRCUIT_RESET_MS',
    whole(1, 86_400_000)
      .default(60_000)
      .describe('Time after which an open circuit of /execute lets one call try, in milliseconds.'),
  ),
};
