import { setting } from '@reeve/kit';
import { z } from 'zod';

/** Settings of what leaves the sandbox. */
export const egressSettings = {
  egressFile: setting(
    'REEVE_EGRESS_FILE',
    z
      .string()
      .min(1)
      .optional()
      .describe('A file of headers that requests of sandboxed programs get on their way out.'),
  ),
};
