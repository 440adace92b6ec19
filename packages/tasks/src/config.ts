import { setting } from '@reeve/kit';
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
    count(1000).default(8).describe('Tasks from the queue that one process works on at a time.'),
  ),
  leaseMs: setting(
    'REEVE_LEASE_MS',
    count(3_600_000).default(30_000).describe('How long a silent worker keeps its tasks, in milliseconds.'),
  ),
};
