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
      .describe('File of headers to set on requests of sandboxed programs, by host, such as credentials.'),
  ),
};
