import type { Authenticate, Principal } from '@reeve/http';
import { ReeveError, type ConfigOf } from '@reeve/kit';
import { isOpen } from './authenticate.ts';
import type { identitySettings } from './config.ts';
import { digest, placeOf, requireLocalHost } from './credential.ts';
import { DEFAULT_TENANT, TENANT_ID } from './tenant.ts';

export interface CallAuthenticatorParts {
  readonly config: ConfigOf<typeof identitySettings>;
  /** Knows stored keys and JWTs; left out in a process without a database, which knows none. */
  readonly authenticate?: Authenticate | undefined;
  /** Makes the tenant where it is missing. */
  readonly ensure: (tenantId: string) => Promise<void>;
}

/**
 * Who calls a service between roles: the internal secret, as HTTP takes it or as the bearer of `authorization`; then a key or a
 * JWT; then a certificate of our own authority; then, in development mode, whoever is on this machine. A role acts for the tenant
 * that `x-tenant-id` names, and so does development mode; keys and JWTs have their own tenant.
 */
export function createCallAuthenticator({ config, authenticate, ensure }: CallAuthenticatorParts) {
  const internal = (config.internalSecrets ?? []).map(digest);
  const bootstrap = (config.apiKeys ?? []).map(digest);
  const open = isOpen(config);

  async function tenantOf(header: Parameters<Authenticate>[0]): Promise<string> {
    const tenantId = header('x-tenant-id') ?? DEFAULT_TENANT;
    if (!TENANT_ID.test(tenantId))
      throw new ReeveError('unauthenticated', 'x-tenant-id must be 1 to 64 letters, digits, - or _');
    await ensure(tenantId);
    return tenantId;
  }

  return async (header: Parameters<Authenticate>[0], { isPeer }: { readonly isPeer: boolean }): Promise<Principal> => {
    const bearer = /^Bearer (\S+)$/i.exec(header('authorization') ?? '')?.[1];
    const secret = header('x-internal-service') === undefined ? bearer : header('x-internal-service-secret');
    if (placeOf(secret ?? '', internal) !== -1) return role(await tenantOf(header), 'internal');
    if (header('x-internal-service') !== undefined)
      throw new ReeveError('unauthenticated', 'x-internal-service needs the right x-internal-service-secret');
    const key = bearer ?? header('x-api-key');
    if (key === undefined && header('authorization') === undefined) {
      if (isPeer) return role(await tenantOf(header), 'certificate');
      if (open) {
        requireLocalHost(header('host'));
        return { tenantId: await tenantOf(header), userId: 'local', role: 'admin', via: 'development' };
      }
    }
    if (authenticate !== undefined) return authenticate(header);
    const place = placeOf(key ?? '', bootstrap);
    if (place !== -1) return { tenantId: DEFAULT_TENANT, userId: `key-${place + 1}`, role: 'admin', via: 'api_key' };
    throw new ReeveError('unauthenticated', key === undefined ? NO_CREDENTIAL : 'this key is not known here');
  };
}

const NO_CREDENTIAL =
  'no credential: show a certificate, or send authorization with Bearer and a key, or the internal secret';

function role(tenantId: string, via: 'internal' | 'certificate'): Principal {
  return { tenantId, userId: 'internal-service', role: 'admin', via };
}
