import { ReeveError, type Log } from '@reeve/kit';
import { decodeJwt, decodeProtectedHeader, errors, jwtVerify, type JWTPayload, type JWTVerifyOptions } from 'jose';
import { createAuthService } from './auth-service.ts';
import { createExpiringMap } from '../expiring-map.ts';
import { holderOf, refusedToken, type TokenHolder } from './jwt-claims.ts';
import { createRemoteKeys } from './jwt-keys.ts';
import { digestOf } from '../keys/secret.ts';

/** Where tokens come from; what is undefined is not configured. */
export interface TokenSources {
  readonly jwtSecret?: string | undefined;
  readonly jwksUrl?: string | undefined;
  readonly authServiceUrl?: string | undefined;
  readonly jwtIssuers?: readonly string[] | undefined;
  readonly jwtAudiences?: readonly string[] | undefined;
}

/** Longest token that is looked at, in characters. */
const MOST_LENGTH = 8_192;
/** How long a token that was verified is not verified again, in milliseconds, unless it expires before. */
const VERIFIED_MS = 60_000;
/** The same of one that the auth service vouches for: it may change its mind. */
const VOUCHED_MS = 30_000;
const REMEMBERED = 10_000;
const MOST_AT_ONCE = 1_000;
/** How far clocks may be apart, in seconds. */
const TOLERANCE_S = 5;

const BY_SECRET = ['HS256'];
const BY_KEYS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];

interface Verified {
  readonly holder: TokenHolder;
  /** How long that holds, in milliseconds. */
  readonly ms: number;
}

/**
 * Finds out who holds a JWT. The algorithm of its header chooses who is asked: HS256 the secret, RSA, ECDSA and EdDSA the
 * keys, else, or where that is not configured, the auth service; each takes only its own. `onLogin` is told of a token the
 * first time. The function that is answered throws `unauthenticated` with the reason, and `unavailable` where nobody can know.
 */
export function createTokenVerifier(
  sources: TokenSources,
  log: Log,
  onLogin: (holder: TokenHolder) => void,
): (token: string) => Promise<TokenHolder> {
  const verify = createSources(sources, log);
  const verified = createExpiringMap<TokenHolder>(REMEMBERED);
  const met = createExpiringMap<true>(REMEMBERED);
  const under = new Map<string, Promise<TokenHolder>>();

  async function verifyNow(token: string, digest: string): Promise<TokenHolder> {
    const { holder, ms } = await verify(token);
    verified.set(digest, holder, ms);
    if (met.get(digest) === undefined) onLogin(holder);
    met.set(digest, true, Infinity);
    return holder;
  }

  return async (token) => {
    if (token.length > MOST_LENGTH) throw refusedToken(`it is longer than ${MOST_LENGTH} characters`);
    const digest = digestOf(token);
    const known = verified.get(digest) ?? under.get(digest);
    if (known !== undefined) return known;
    if (under.size >= MOST_AT_ONCE)
      throw new ReeveError('unavailable', 'too many tokens are being verified; try again', { retryAfterMs: 1_000 });
    const begun = verifyNow(token, digest).finally(() => under.delete(digest));
    under.set(digest, begun);
    return begun;
  };
}

/** Chooses who is asked about a token, and asks. */
function createSources(sources: TokenSources, log: Log): (token: string) => Promise<Verified> {
  const { jwtSecret, jwksUrl, authServiceUrl, jwtIssuers, jwtAudiences } = sources;
  const secret = jwtSecret === undefined ? undefined : new TextEncoder().encode(jwtSecret);
  const keys = jwksUrl === undefined ? undefined : createRemoteKeys(jwksUrl, log);
  const service = authServiceUrl === undefined ? undefined : createAuthService(authServiceUrl);
  const options: JWTVerifyOptions = {
    clockTolerance: TOLERANCE_S,
    requiredClaims: ['sub', 'exp'],
    ...(jwtIssuers !== undefined && { issuer: [...jwtIssuers] }),
    ...(jwtAudiences !== undefined && { audience: [...jwtAudiences] }),
  };
  return async (token) => {
    const algorithm = algorithmOf(token);
    if (secret !== undefined && BY_SECRET.includes(algorithm)) {
      const { payload } = await jwtVerify(token, secret, { ...options, algorithms: BY_SECRET }).catch(refuse);
      return verifiedBy(payload, payload, VERIFIED_MS);
    }
    if (keys !== undefined && BY_KEYS.includes(algorithm)) {
      const payload = await verifyByKeys(token, keys, { ...options, algorithms: BY_KEYS }).catch(refuse);
      return verifiedBy(payload, payload, VERIFIED_MS);
    }
    if (service === undefined)
      throw refusedToken(`it is signed by ${algorithm.slice(0, 20)}, which is not accepted here`);
    const claims = await service(token);
    const whole = { ...payloadOf(token), ...claims };
    requireExpected(whole, sources);
    return verifiedBy(claims, whole, VOUCHED_MS);
  };
}

async function verifyByKeys(
  token: string,
  keys: ReturnType<typeof createRemoteKeys>,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keys, options)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    // A token that names no key may be of any that fits.
    let last: unknown = error;
    for await (const key of error) {
      try {
        return (await jwtVerify(token, key, options)).payload;
      } catch (refusal) {
        last = refusal;
        if (!(refusal instanceof errors.JWSSignatureVerificationFailed)) break;
      }
    }
    throw last;
  }
}

function verifiedBy(claims: object, { exp }: Readonly<Record<string, unknown>>, mostMs: number): Verified {
  const leftMs = typeof exp === 'number' ? (exp + TOLERANCE_S) * 1_000 - Date.now() : Infinity;
  return { holder: holderOf(claims), ms: Math.min(mostMs, leftMs) };
}

/** What the auth service leaves to us: the time of the token, and for whom it was made. */
function requireExpected(claims: Readonly<Record<string, unknown>>, { jwtIssuers, jwtAudiences }: TokenSources): void {
  const { exp, iss, aud } = claims;
  if (exp !== undefined && !(typeof exp === 'number' && (exp + TOLERANCE_S) * 1_000 > Date.now()))
    throw refusedToken('it has expired');
  if (jwtIssuers !== undefined && !jwtIssuers.some((issuer) => issuer === iss)) throw refusedToken(WRONG_CLAIM('iss'));
  const audiences: unknown[] = Array.isArray(aud) ? aud : [aud];
  if (jwtAudiences !== undefined && !jwtAudiences.some((audience) => audiences.includes(audience)))
    throw refusedToken(WRONG_CLAIM('aud'));
}

/** What jose says, for the caller. */
function refuse(error: unknown): never {
  if (error instanceof ReeveError) throw error;
  if (error instanceof errors.JWTExpired) throw refusedToken('it has expired', error);
  if (error instanceof errors.JWTClaimValidationFailed) throw refusedToken(WRONG_CLAIM(error.claim), error);
  if (error instanceof errors.JWKSNoMatchingKey) throw refusedToken('no key of REEVE_JWKS_URL fits it', error);
  if (error instanceof errors.JOSEError || error instanceof TypeError)
    throw refusedToken('its signature or its form is not valid', error);
  throw error;
}

const WRONG_CLAIM = (claim: string) => `its claim ${claim} is missing or not accepted here`;

function algorithmOf(token: string): string {
  try {
    return decodeProtectedHeader(token).alg ?? 'nothing';
  } catch (error) {
    throw refusedToken('it is not a JWT', error);
  }
}

/** What the token itself says, where the auth service vouches for it; nothing where that cannot be read. */
function payloadOf(token: string): JWTPayload {
  try {
    return decodeJwt(token);
  } catch {
    return {};
  }
}
