import { flag, secret, setting } from '@reeve/kit';
import { ServicePort } from '@reeve/rpc/config';
import { z } from 'zod';

const BACKEND_TENANT = 'it must be letters, digits and . _ -, 64 at most';

/** Settings of memory. */
export const memorySettings = {
  capabilitiesRefreshS: setting(
    'REEVE_CAPABILITIES_REFRESH_S',
    z.coerce
      .number('must be a number')
      .int('must be a whole number')
      .min(0, 'must be 0 to 86,400')
      .max(86_400, 'must be 0 to 86,400')
      .default(30)
      .describe(
        'How often the Body of personas is updated with the available tools and their health, in seconds; 0: never.',
      ),
    { formerly: 'BODY_REFRESH_S' },
  ),
  memoryHost: setting(
    'MEMORY_HOST',
    z.string().min(1).optional().describe('Address that the Memory service listens on; unset: 127.0.0.1.'),
  ),
  memoryPort: setting(
    'MEMORY_PORT',
    ServicePort.default(50_052).describe('Port of the Memory service; 0 takes a free one, off serves none.'),
  ),
  somaBaseUrl: setting(
    'SOMA_BASE_URL',
    z
      .string()
      .regex(/^https?:\/\/[^\s/?#@]+(?:\/[^\s?#]*)?$/, 'it must be an http:// or https:// URL, without a password')
      .refine((url) => URL.canParse(url), 'it must be a URL')
      .optional()
      .describe(
        'URL of an external memory that ranks memories and speaks the memory API of SomaBrain, such as http://127.0.0.1:9696.',
      ),
  ),
  somaApiKey: secret(
    'SOMA_API_KEY',
    z
      .string()
      .regex(/^[\x21-\x7e]+$/, 'it must be one line without blanks')
      .optional()
      .describe('Bearer token for the external memory.'),
  ),
  somaTenantId: setting(
    'SOMA_TENANT_ID',
    z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, BACKEND_TENANT)
      .default('reeve')
      .describe('Prefix of the tenant names in the external memory.'),
  ),
  somaEnabled: setting(
    'SOMA_ENABLED',
    flag
      .default(true)
      .describe(
        'Whether to use the external memory that SOMA_BASE_URL names; the built-in one answers where it does not.',
      ),
  ),
};
