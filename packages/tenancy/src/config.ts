import { flag, secret, setting } from '@reeve/kit';
import { z } from 'zod';

const keys = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((key) => key.trim())
      .filter((key) => key !== ''),
  )
  .refine((list) => list.length > 0, 'it must hold at least one key')
  .refine((list) => list.every((key) => key.length >= 8), 'each key must have at least 8 characters');

export const tenancySettings = {
  apiKeys: secret('REEVE_API_KEY', keys.optional().describe('Bootstrap admin keys, separated by commas.')),
  internalSecret: secret(
    'REEVE_INTERNAL_SECRET',
    z
      .string()
      .min(8, 'it must have at least 8 characters')
      .optional()
      .describe('What internal services prove themselves by.'),
  ),
  trustUserHeader: setting('REEVE_TRUST_USER_HEADER', flag.default(false).describe('Believe X-User-Id and user-id.')),
};
