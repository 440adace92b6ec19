import { ReeveError, type Log } from '@reeve/kit';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  jwksCache,
  type ExportedJWKSCache,
  type JWTVerifyGetKey,
} from 'jose';
import { askRemote, REMOTE_MS } from './remote.ts';

/*
 * The public keys of an issuer, fetched at the first token:
 *
 *   none ─(fetch)→ fresh ─(5 min)→ fresh, fetched again beside the requests ─(10 min)→ stale
 *
 * A token whose key is not among them has them fetched again, at most every 5 s, so a new key of the issuer is known at
 * once. Where fetching fails, what is there goes on for an hour after it was fetched, without another try for 5 s; a key that
 * is not among it is `unavailable`, since nobody can know.
 */

const MINUTE_MS = 60_000;
const FRESH_MS = 10 * MINUTE_MS;
const RENEW_MS = 5 * MINUTE_MS;
const KEPT_MS = 60 * MINUTE_MS;
const COOLDOWN_MS = 5_000;
const REST_MS = 5_000;

/** Finds the key of a token in the set at a URL. Throws `unavailable` where the set is needed and cannot be had. */
export function createRemoteKeys(url: string, log: Log): JWTVerifyGetKey {
  const cache: Partial<ExportedJWKSCache> = {};
  const remote = createRemoteJWKSet(new URL(url), {
    timeoutDuration: REMOTE_MS,
    cooldownDuration: COOLDOWN_MS,
    cacheMaxAge: FRESH_MS,
    [jwksCache]: cache as ExportedJWKSCache,
    [customFetch]: async (at, { headers }) => {
      const { status, text } = await askRemote('REEVE_JWKS_URL', at, {
        method: 'GET',
        headers: Object.fromEntries(headers),
      });
      return new Response(text, { status });
    },
  });
  let restUntil = 0;
  let kept: { readonly of: unknown; readonly find: JWTVerifyGetKey } | undefined;

  function failed(error: unknown): void {
    if (performance.now() >= restUntil) log.warn({ err: error }, 'the keys of REEVE_JWKS_URL cannot be fetched');
    restUntil = performance.now() + REST_MS;
  }

  const findKept: JWTVerifyGetKey = async (header, token) => {
    const { jwks, uat = 0 } = cache;
    if (jwks === undefined || Date.now() - uat > KEPT_MS) throw unavailable();
    if (kept?.of !== jwks) kept = { of: jwks, find: createLocalJWKSet(jwks) };
    return kept.find(header, token);
  };

  return async (header, token) => {
    if (performance.now() >= restUntil) {
      if (remote.fresh && !remote.reloading && Date.now() - (cache.uat ?? 0) > RENEW_MS) remote.reload().catch(failed);
      try {
        return await remote(header, token);
      } catch (error) {
        if (isAboutToken(error)) throw error;
        failed(error);
      }
    }
    try {
      return await findKept(header, token);
    } catch (error) {
      throw error instanceof errors.JWKSNoMatchingKey ? unavailable(error) : error;
    }
  };
}

/** True where the set is there, and the token is what is wrong. */
function isAboutToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}

function unavailable(cause?: unknown): ReeveError {
  return new ReeveError(
    'unavailable',
    'the keys that tokens are checked by cannot be fetched at the moment; try again',
    {
      cause,
      retryAfterMs: REST_MS,
    },
  );
}
