import { ROLES, type Access } from '@reeve/contract';

type Json = Record<string, unknown>;

/** The ways to say who is calling, as the OpenAPI document names them, in the order in which they are tried. */
export const SECURITY_SCHEMES = {
  internalService: {
    type: 'apiKey',
    in: 'header',
    name: 'X-Internal-Service',
    description: '`true`, beside the secret; `X-Tenant-Id` names the tenant.',
  },
  internalServiceSecret: { type: 'apiKey', in: 'header', name: 'X-Internal-Service-Secret' },
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key (`rv_…`), or a JWT with the claims `sub`, `tenant_id` and `roles`.',
  },
  apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'An API key (`rv_…`).' },
  userHeader: {
    type: 'apiKey',
    in: 'header',
    name: 'X-User-Id',
    description: 'Believed only where REEVE_TRUST_USER_HEADER says so, and in development mode.',
  },
} as const satisfies Record<string, Json>;

/** Any one of these is needed, where a route is not public. In development mode the server asks for none. */
export const SECURITY: readonly Readonly<Record<string, readonly string[]>>[] = [
  { internalService: [], internalServiceSecret: [] },
  { bearer: [] },
  { apiKey: [] },
  { userHeader: [] },
];

/** Who may call a route, for a reader. */
export function accessText(access: Access): string {
  if (access === 'public') return 'Public: needs no credential.';
  const [, ...higher] = ROLES.slice(ROLES.indexOf(access));
  return `Needs the role \`${access}\`${higher.length === 0 ? '' : `, or one that includes it: ${higher.map((role) => `\`${role}\``).join(', ')}`}.`;
}

/** The answers of a route to callers who may not call it; none where anybody may. */
export function refusalsOf(access: Access, content: Json): Json {
  if (access === 'public') return {};
  return {
    401: {
      description: 'No credential, or a wrong one.',
      headers: {
        'WWW-Authenticate': { schema: { type: 'string' }, description: 'What is asked for, as RFC 6750 says it.' },
      },
      content,
    },
    403: { description: `Known, but without the role \`${access}\`, or not allowed this.`, content },
  };
}
