import { setting } from '@reeve/kit';
import { ServicePort } from '@reeve/rpc/config';
import { z } from 'zod';

/** Settings of memory. */
export const memorySettings = {
  memoryHost: setting(
    'MEMORY_HOST',
    z.string().min(1).optional().describe('Address that the Memory service listens on; 127.0.0.1 where it is not set.'),
  ),
  memoryPort: setting(
    'MEMORY_PORT',
    ServicePort.default(50_052).describe('Port of the Memory service; 0 takes a free one, off serves none.'),
  ),
};
