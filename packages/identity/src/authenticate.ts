import type { Database, Db } from '@reeve/db';
import type { Authenticate, Principal } from '@reeve/http';
import { currentContext, isLoopback, newTraceId, ReeveError, type ConfigOf, type Log } from '@reeve/kit';
import type { identitySettings } from './config.ts';
import { digest, placeOf, requireLocalHost } from './credential.ts';
import { createExpiringMap } from './expiring-map.ts';
import { createTokenVerifier } from './jwt/jwt.ts';
import { OURS } from './jwt/jwt-claims.ts';
import { openKeyLookup } from './keys/lookup.ts';
import { DEFAULT_TENANT, ensureTenant } from './tenant.ts';
import { startUseLog, type Use } from './keys/use-log.ts';

type Config = ConfigOf<typeof identitySettings>;
type Header = (name: string) => string | undefined;

/** Finds out who is calling, until disposed. */
export interface Authenticator extends AsyncDisposable {
  readonly authenticate: Authenticate;
  /** Forgets a key that was rotated or revoked, here and in every other process. */
  keyChanged(keyId: string): void;
}

/** True where no credential is configured: then whoever reaches the server may do everything. */
export function isOpen(config: Config): boolean {
  const { apiKeys, internalSecrets, jwtSecret, jwksUrl, authServiceUrl } = config;
  return [apiKeys, internalSecrets, jwtSecret, jwksUrl, authServiceUrl].every((credential) => credential === undefined);
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
 * Who is calling, in the contract's order: internal secret, bearer key or JWT, X-API-Key, trusted user header, and in
 * development mode the local admin. The first that is present decides; a wrong one is `unauthenticated`, and one that
 * cannot be checked at the moment `unavailable`.
 */
export function openAuthenticator(config: Config, database: Database, log: Log): Authenticator {
  const { db } = database;
  const traceOf = () => currentContext()?.traceId ?? newTraceId();
  const uses = startUseLog(database, log);
  const lookup = openKeyLookup(database, ({ id, tenantId }) =>
    uses.add({ tenantId, userId: userOfKey(id), keyId: id, traceId: traceOf() }),
  );
  const holderOfToken = createTokenVerifier(config, log, ({ tenantId, userId, role }) =>
    uses.add({ tenantId, userId, traceId: traceOf(), details: { via: 'jwt', role } }),
  );
  const noteDaily = onceADay((use) => uses.add(use));
  const bootstrap = (config.apiKeys ?? []).map(digest);
  const internal = (config.internalSecrets ?? []).map(digest);
  const open = isOpen(config);
  warn(config, open, log);

  async function holderOfKey(key: string): Promise<Principal> {
    const place = placeOf(key, bootstrap);
    if (place !== -1) {
      const userId = `key-${place + 1}`;
      noteDaily({ tenantId: DEFAULT_TENANT, userId, traceId: traceOf(), details: { via: 'bootstrap key' } });
      return { tenantId: DEFAULT_TENANT, userId, role: 'admin', via: 'api_key' };
    }
    const { id, tenantId, role } = await lookup.find(key);
    return { tenantId, userId: userOfKey(id), role, via: 'api_key', keyId: id };
  }

  async function bearer(authorization: string): Promise<Principal> {
    const value = /^Bearer (\S+)$/i.exec(authorization)?.[1];
    if (value === undefined)
      throw new ReeveError('unauthenticated', 'Authorization must be Bearer and an API key or a JWT');
    const isToken = placeOf(value, bootstrap) === -1 && !value.startsWith('rv_') && value.split('.', 4).length === 3;
    if (!isToken) return holderOfKey(value);
    const holder = await holderOfToken(value);
    await ensureTenant(db, holder.tenantId);
    return { ...holder, via: 'jwt' };
  }

  return {
    async authenticate(header, route) {
      if (header('x-internal-service') !== undefined) {
        const service = await internalService(internal, db, header);
        const { tenantId, userId } = service;
        noteDaily({ tenantId, userId, traceId: traceOf(), details: { via: 'internal secret' } });
        return service;
      }
      const authorization = header('authorization');
      const isIgnored = open && route?.ignoresForeignTokens === true && FOREIGN_TOKEN.test(authorization ?? '');
      if (authorization !== undefined && !isIgnored) return bearer(authorization);
      const apiKey = header('x-api-key');
      if (apiKey !== undefined) return holderOfKey(apiKey);
      if (open) requireLocalHost(header('host'));
      const user = open || config.trustUserHeader ? (header('x-user-id') ?? header('user-id')) : undefined;
      if (user !== undefined) return trusted(user, open);
      if (open) return { tenantId: DEFAULT_TENANT, userId: 'local', role: 'admin', via: 'development' };
      throw new ReeveError(
        'unauthenticated',
        'no credential: send Authorization: Bearer <API key or JWT>, or X-API-Key',
      );
    },
    keyChanged: (keyId) => lookup.changed(keyId),
    async [Symbol.asyncDispose]() {
      lookup[Symbol.dispose]();
      await uses[Symbol.asyncDispose]();
    },
  };
}

/** A bearer token that is no key of ours, such as the placeholder that a client insists on; none at all where it is empty. */
const FOREIGN_TOKEN = /^Bearer(?: (?!rv_)\S+)?$/i;

/** Hands on the first use of a day of each holder in each tenant. */
function onceADay(add: (use: Use) => void): (use: Use) => void {
  const noted = createExpiringMap<true>(10_000);
  return (use) => {
    const holder = `${use.tenantId} ${use.userId}`;
    if (noted.get(holder) !== undefined) return;
    noted.set(holder, true, DAY_MS);
    add(use);
  };
}

const DAY_MS = 24 * 60 * 60_000;

function warn({ jwtSecret, jwksUrl }: Config, open: boolean, log: Log): void {
  if (open)
    log.warn('development mode: no credential is configured, every caller is the local admin of the tenant default');
  if (jwtSecret !== undefined && jwtSecret.length < 32)
    log.warn('REEVE_JWT_SECRET has less than 32 characters: who has one token may find it by trying');
  const keys = jwksUrl === undefined ? undefined : new URL(jwksUrl);
  if (keys?.protocol === 'http:' && !isLoopback(keys.hostname))
    log.warn('REEVE_JWKS_URL is not https: whoever is between can give out keys of their own');
}

/** A stored key is somebody by its id, whatever its secret is. */
function userOfKey(id: string): string {
  return `key-${id}`;
}

async function internalService(secrets: readonly Buffer[], db: Db, header: Header): Promise<Principal> {
  const isRight = placeOf(header('x-internal-service-secret') ?? '', secrets) !== -1;
  if (header('x-internal-service') !== 'true' || !isRight)
    throw new ReeveError('unauthenticated', 'X-Internal-Service needs the right X-Internal-Service-Secret');
  const tenantId = header('x-tenant-id') ?? DEFAULT_TENANT;
  await ensureTenant(db, tenantId);
  return { tenantId, userId: 'internal-service', role: 'admin', via: 'internal' };
}

function trusted(user: string, open: boolean): Principal {
  if (!/^[\w.@:+-]{1,200}$/.test(user))
    throw new ReeveError('unauthenticated', 'X-User-Id must be 1 to 200 letters, digits or . @ : + - _');
  if (OURS.test(user)) throw new ReeveError('unauthenticated', 'X-User-Id is a user id that Reeve keeps for itself');
  return { tenantId: DEFAULT_TENANT, userId: user, role: open ? 'admin' : 'member', via: 'header' };
}
