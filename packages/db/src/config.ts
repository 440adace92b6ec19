import { secret, setting } from '@reeve/kit';
import { z } from 'zod';

export const databaseSettings = {
  databaseUrl: secret(
    'DATABASE_URL',
    z
      .string()
      .regex(/^postgres(ql)?:\/\//, 'it must be a postgres:// URL')
      .optional()
      .describe(
        'PostgreSQL 15 or newer; unset: the embedded database in the data directory. The first migration needs CREATEROLE, unless the role reeve_tenant exists and is granted to the user.',
      ),
  ),
  databaseDirectUrl: secret(
    'DATABASE_DIRECT_URL',
    z
      .string()
      .regex(/^postgres(ql)?:\/\//, 'it must be a postgres:// URL')
      .optional()
      .describe(
        'The same database without its connection pooler, or through one in session mode: for notifications and migrations. Unset behind a pooler in transaction mode: Reeve polls.',
      ),
  ),
  databasePool: setting(
    'REEVE_DATABASE_POOL',
    z.coerce
      .number()
      .int('it must be a whole number')
      .min(1, 'it must be at least 1')
      .max(500, 'it must be at most 500')
      .default(15)
      .describe('Maximum connections of this process to PostgreSQL, all kinds together; fewer than 3 count as 3.'),
  ),
  databasePrepared: setting(
    'REEVE_DATABASE_PREPARED',
    z
      .enum(['auto', 'on', 'off'], 'it must be auto, on or off')
      .default('auto')
      .describe(
        'Whether PostgreSQL statements are prepared by name; auto: unless a connection pooler in transaction mode is noticed.',
      ),
  ),
};
