import { createHash, timingSafeEqual } from 'node:crypto';
import type { Db } from '@reeve/db';
import { isLoopback, type Authenticate, type Principal } from '@reeve/http';
import { ReeveError, type ConfigOf, type Log } from '@reeve/kit';
import type { tenancySettings } from './config.ts';
import { DEFAULT_TENANT, ensureTenant } from './tenant.ts';

type Config = ConfigOf<typeof tenancySettings>;

/** True where no credential is configured: then whoever reaches the server may do everything. */
export function isOpen(config: Config): boolean {
  return config.apiKeys === undefined && config.internalSecret === undefined;
}

/** Throws where the server would listen beyond this machine without asking anybody who they are. */
export function requireSafeBinding(config: Config, host: string): void {
  if (isOpen(config) && !isLoopback(host)) {
    throw new ReeveError(
      'forbidden',
      `refusing to listen on ${host} without a credential: set REEVE_API_KEY (for example to rv_ and 32 random characters), or bind to 127.0.0.1`,
    );
  }
}

/**
 * Who is calling, in the contract's order: internal secret, bearer key, X-API-Key, trusted user header, and in
 * development mode the local admin. The first that is present decides; a wrong one is `unauthenticated`.
 */
export function createAuthenticator(config: Config, db: Db, log: Log): Authenticate {
  const keys = (config.apiKeys ?? []).map(digest);
  const open = isOpen(config);
  if (open)
    log.warn('development mode: no credential is configured, every caller is the local admin of the tenant default');
  return async (header) => {
    if (header('x-internal-service') !== undefined) return internal(config, db, header);
    const authorization = header('authorization');
    if (authorization !== undefined)
      return keyHolder(/^Bearer (\S+)$/i.exec(authorization)?.[1], keys, 'Authorization');
    const apiKey = header('x-api-key');
    if (apiKey !== undefined) return keyHolder(apiKey, keys, 'X-API-Key');
    if (open) requireLocalHost(header('host'));
    const user = open || config.trustUserHeader ? (header('x-user-id') ?? header('user-id')) : undefined;
    if (user !== undefined) return trusted(user, open);
    if (open) return { tenantId: DEFAULT_TENANT, userId: 'local', role: 'admin', via: 'development' };
    throw new ReeveError('unauthenticated', 'no credential: send Authorization: Bearer <key> or X-API-Key');
  };
}

/** In development mode a web page must not reach the local admin by a name of its own that points here (DNS rebinding). */
function requireLocalHost(host: string | undefined): void {
  if (host === undefined || isLoopback(host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1'))) return;
  throw new ReeveError(
    'unauthenticated',
    'in development mode only localhost is answered; set REEVE_API_KEY to answer under other names',
  );
}

async function internal(config: Config, db: Db, header: (name: string) => string | undefined): Promise<Principal> {
  const given = header('x-internal-service-secret') ?? '';
  const valid =
    header('x-internal-service') === 'true' &&
    config.internalSecret !== undefined &&
    timingSafeEqual(digest(given), digest(config.internalSecret));
  if (!valid) throw new ReeveError('unauthenticated', 'X-Internal-Service needs the right X-Internal-Service-Secret');
  const tenantId = header('x-tenant-id') ?? DEFAULT_TENANT;
  await ensureTenant(db, tenantId);
  return { tenantId, userId: 'internal-service', role: 'admin', via: 'internal' };
}

function keyHolder(key: string | undefined, keys: readonly Buffer[], where: string): Principal {
  const given = digest(key ?? '');
  const index = keys.findIndex((known) => timingSafeEqual(known, given));
  if (key === undefined || index === -1) throw new ReeveError('unauthenticated', `${where} does not hold a valid key`);
  return { tenantId: DEFAULT_TENANT, userId: `key-${index + 1}`, role: 'admin', via: 'api_key' };
}

function trusted(user: string, open: boolean): Principal {
  if (!/^[\w.@:+-]{1,200}$/.test(user))
    throw new ReeveError('unauthenticated', 'X-User-Id must be 1 to 200 letters, digits or . @ : + - _');
  return { tenantId: DEFAULT_TENANT, userId: user, role: open ? 'admin' : 'member', via: 'header' };
}

/** Keys are compared by digest: equal length, and no time that tells how much was right. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
