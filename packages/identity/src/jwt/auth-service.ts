import { createBreaker, isRecord, ReeveError } from '@reeve/kit';
import { createExpiringMap } from '../expiring-map.ts';
import { digestOf } from '../keys/secret.ts';
import { refusedToken } from './jwt-claims.ts';
import { askRemote } from './remote.ts';

/** Claims of a token that the service says is good. */
export type ServiceClaims = Readonly<Record<string, unknown>>;

/** How long a no is remembered, in milliseconds, so that a client that keeps trying does not trouble the service. */
const REFUSED_MS = 5_000;
const REMEMBERED = 10_000;
const MOST_AT_ONCE = 200;

/**
 * Asks an auth service about tokens: `POST <url>/api/v1/auth/verify-token` with `{"token"}`, and the token as bearer too.
 * 200 with `sub`, at the top or in `claims`, is a yes; `"valid": false`, 400, 401, 403 and 422 are a no, `unauthenticated`. Anything
 * else says nothing: `unavailable`, and after five of those in a row `circuit_open` for 5 s.
 */
export function createAuthService(url: string): (token: string) => Promise<ServiceClaims> {
  const address = `${url.replace(/\/+$/, '')}/api/v1/auth/verify-token`;
  const refused = createExpiringMap<true>(REMEMBERED);
  const breaker = createBreaker({
    threshold: 5,
    resetMs: 5_000,
    message: 'the auth service does not answer; try again later',
  });
  let asking = 0;

  return async (token) => {
    const digest = digestOf(token);
    if (refused.get(digest)) throw no();
    if (asking >= MOST_AT_ONCE)
      throw new ReeveError('unavailable', 'too many tokens wait for the auth service; try again', {
        retryAfterMs: 1_000,
      });
    asking += 1;
    try {
      const claims = await breaker.run(() => ask(address, token));
      if (claims !== undefined) return claims;
    } finally {
      asking -= 1;
    }
    refused.set(digest, true, REFUSED_MS);
    throw no();
  };
}

/** Undefined where the service says no. */
async function ask(address: string, token: string): Promise<ServiceClaims | undefined> {
  const { status, text } = await askRemote('AUTH_SERVICE_URL', address, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ token }),
  });
  if ([400, 401, 403, 422].includes(status)) return undefined;
  const said = status === 200 ? objectIn(text) : undefined;
  if (said?.['valid'] === false || said?.['active'] === false) return undefined;
  const claims = asObject(said?.['claims']) ?? said;
  if (claims?.['sub'] === undefined)
    throw new ReeveError('unavailable', `the auth service answered ${status} without claims; try again later`);
  return claims;
}

function objectIn(text: string): ServiceClaims | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): ServiceClaims | undefined {
  return isRecord(value) ? (value as ServiceClaims) : undefined;
}

function no(): ReeveError {
  return refusedToken('the auth service says that it is not valid');
}
