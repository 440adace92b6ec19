import { flag, secret, setting } from '@reeve/kit';
import { z } from 'zod';

const MIN_LENGTH = 8;

const listed = z.string().transform((text) => text.split(',').map((part) => part.trim()));

/** A place between two commas stays when its key goes, so that the keys after it keep their names. */
const keys = listed
  .refine((list) => list.some((key) => key !== ''), 'it must hold at least one key')
  .refine(
    (list) => list.every((key) => key === '' || key.length >= MIN_LENGTH),
    'each key must have at least 8 characters',
  );

const internalSecrets = listed
  .refine((list) => list.every((each) => each.length >= MIN_LENGTH), 'each secret must have at least 8 characters')
  .refine((list) => list.length <= 2, 'it must be one secret, or the current and the next one, separated by a comma');

const names = listed.refine((list) => list.every((name) => name !== ''), 'none may be empty');

const address = z.url({ protocol: /^https?$/, message: 'it must be an http or https URL' });

export const identitySettings = {
  apiKeys: secret('REEVE_API_KEY', keys.optional().describe('Bootstrap admin keys, separated by commas.')),
  internalSecrets: secret(
    'REEVE_INTERNAL_SECRET',
    internalSecrets
      .optional()
      .describe('What internal services prove themselves by; while it is changed, the current and the next one.'),
  ),
  jwtSecret: secret(
    'REEVE_JWT_SECRET',
    z
      .string()
      .min(MIN_LENGTH, 'it must have at least 8 characters, and should have 32')
      .optional()
      .describe('Secret of JWTs that are signed by HS256.'),
  ),
  jwksUrl: setting('REEVE_JWKS_URL', address.optional().describe('Public keys of JWTs, as a JSON Web Key Set.')),
  authServiceUrl: setting(
    'AUTH_SERVICE_URL',
    address.optional().describe('Service that is asked about JWTs, by POST /api/v1/auth/verify-token.'),
  ),
  jwtIssuers: setting('REEVE_JWT_ISSUER', names.optional().describe('Accepted `iss` of JWTs, separated by commas.')),
  jwtAudiences: setting(
    'REEVE_JWT_AUDIENCE',
    names.optional().describe('Accepted `aud` of JWTs, separated by commas.'),
  ),
  trustUserHeader: setting('REEVE_TRUST_USER_HEADER', flag.default(false).describe('Believe X-User-Id and user-id.')),
};
