import { parseDuration, setting } from '@reeve/kit';
import { z } from 'zod';

const count = (max: number) =>
  z.coerce
    .number()
    .int('it must be a whole number')
    .min(1, 'it must be at least 1')
    .max(max, `it must be at most ${max}`);

export const taskSettings = {
  workerConcurrency: setting(
    'REEVE_WORKER_CONCURRENCY',
    count(1000).default(8).describe('Tasks that one worker runs at a time.'),
  ),
  workerPrefetch: setting(
    'REEVE_WORKER_PREFETCH',
    z.coerce
      .number()
      .int('it must be a whole number')
      .min(0, 'it must be at least 0')
      .max(10_000, 'it must be at most 10000')
      .default(0)
      .describe('Tasks claimed ahead of those that run; helps where tasks take milliseconds.'),
  ),
  retentionDays: setting(
    'REEVE_RETENTION_DAYS',
    z.coerce
      .number()
      .int('it must be a whole number')
      .min(0, 'it must be at least 0')
      .max(36_500, 'it must be at most 36500')
      .default(30)
      .describe('Days to keep ended tasks with their runs, events and journal, and unused workspaces; 0: for ever.'),
  ),
  callerToolTimeoutMs: setting(
    'REEVE_CALLER_TOOL_TIMEOUT_MS',
    count(604_800_000)
      .default(3_600_000)
      .describe(
        'Time that a run waits for the result of a tool that its caller offered, in milliseconds; then the call has failed, and the run goes on.',
      ),
  ),
  leaseMs: setting(
    'REEVE_LEASE_MS',
    count(3_600_000)
      .default(30_000)
      .describe(
        'Lease of a claimed task, in milliseconds: after this time without renewal another worker may claim it.',
      ),
  ),
  modelWait: setting(
    'REEVE_MODEL_WAIT',
    z
      .string()
      .refine((text) => parseDuration(text) !== undefined, 'it must be a number with s, m, h or d: 90s, 15m, 24h, 7d')
      .default('24h')
      .describe(
        'How long a task waits for a model that takes no calls (unreachable, overloaded, limited, circuit open) before it fails; the wait spends no attempt.',
      ),
  ),
};
