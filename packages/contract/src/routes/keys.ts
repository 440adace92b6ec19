import { z } from 'zod';
import { IdParams, listOf, paging, text, Time, TimeInput } from '../common.ts';
import { ROLES } from '../role.ts';
import { defineRoute } from '../route.ts';

const tag = 'Keys';

export const KeyStatus = z.enum(['active', 'expired', 'revoked']);
export type KeyStatus = z.infer<typeof KeyStatus>;

export const ApiKey = z
  .object({
    id: z.string(),
    name: z.string(),
    role: z.enum(ROLES),
    prefix: z.string().describe('What every secret of the key begins with.'),
    last_four: z.string().describe('What its newest secret ends with.'),
    status: KeyStatus,
    created_by: z.string().describe('A user id.'),
    created_at: Time,
    expires_at: Time.nullable(),
    last_used_at: Time.nullable().describe('To the minute.'),
    rotated_at: Time.nullable(),
    grace_ends_at: Time.nullable().describe('Until when secrets from before the last rotation are accepted.'),
    revoked_at: Time.nullable(),
  })
  .meta({ id: 'ApiKey' });
export type ApiKey = z.infer<typeof ApiKey>;

export const ApiKeyWithSecret = ApiKey.extend({
  secret: z
    .string()
    .nullable()
    .describe('Shown only here. Null where a repeated `Idempotency-Key` is answered: rotate the key for a new one.'),
}).meta({ id: 'ApiKeyWithSecret' });
export type ApiKeyWithSecret = z.infer<typeof ApiKeyWithSecret>;

/** How long the secrets from before a rotation are accepted at most, in seconds: 30 days. */
export const MAX_GRACE_S = 2_592_000;

export const ApiKeyInput = z
  .strictObject({
    name: text(1, 100),
    role: z.enum(ROLES).describe('Not above the role of who creates it.'),
    expires_at: TimeInput.nullish().describe('In the future; without it the key does not expire.'),
  })
  .meta({ id: 'ApiKeyInput' });
export type ApiKeyInput = z.infer<typeof ApiKeyInput>;

export const createKey = defineRoute({
  method: 'POST',
  path: '/api/v1/keys',
  tag,
  access: 'admin',
  creates: true,
  toldOnce: ['secret'],
  summary: 'Create an API key of your tenant; its secret is shown this once',
  body: ApiKeyInput,
  responses: { 201: ApiKeyWithSecret },
});
export const listKeys = defineRoute({
  method: 'GET',
  path: '/api/v1/keys',
  tag,
  access: 'admin',
  summary: 'API keys of your tenant, newest first, without their secrets',
  description: 'Keys from the server’s configuration are not among them. Revoked keys stay, for the record.',
  query: z.strictObject({ ...paging, status: KeyStatus.optional() }),
  responses: { 200: listOf('keys', ApiKey) },
});
export const rotateKey = defineRoute({
  method: 'POST',
  path: '/api/v1/keys/{id}/rotate',
  tag,
  access: 'admin',
  creates: true,
  toldOnce: ['secret'],
  summary: 'Give a key a new secret; the old one is accepted until the grace ends',
  description:
    'The key stays the same: its id, role, expiry, and whatever is counted for it. 409 for a key that has expired or was revoked, and for more than ten valid secrets.',
  params: IdParams,
  body: z.strictObject({
    grace_seconds: z
      .number()
      .int()
      .min(0)
      .max(MAX_GRACE_S)
      .default(3_600)
      .describe('0: the old secret is refused at once.'),
  }),
  responses: { 200: ApiKeyWithSecret },
});
export const revokeKey = defineRoute({
  method: 'DELETE',
  path: '/api/v1/keys/{id}',
  tag,
  access: 'admin',
  summary: 'Revoke a key for good, with all of its secrets, at once',
  description: 'Revoking it again changes nothing.',
  params: IdParams,
  responses: { 204: null },
});
