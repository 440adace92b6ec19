import { setting } from '@reeve/kit';
import { ServicePort } from '@reeve/rpc/config';
import { z } from 'zod';

/** Settings of memory. */
export const memorySettings = {
  bodyRefreshS: setting(
    'BODY_REFRESH_S',
    z.coerce
      .number('must be a number')
      .int('must be a whole number')
      .min(0, 'must be 0 to 86,400')
      .max(86_400, 'must be 0 to 86,400')
      .default(30)
      .describe('How often the Body of personas is told which tools there are and how they do, in seconds; 0: never.'),
  ),
  memoryHost: setting(
    'MEMORY_HOST',
    z.string().min(1).optional().describe('Address that the Memory service listens on; 127.0.0.1 where it is not set.'),
  ),
  memoryPort: setting(
    'MEMORY_PORT',
    ServicePort.default(50_052).describe('Port of the Memory service; 0 takes a free one, off serves none.'),
  ),
};
