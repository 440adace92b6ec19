// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '@reeve/db';
import { openTestDatabase } from '@reeve/testing';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { exportJWK, generateKeyPair, SignJWT, type JWK, type JWTPayload } from 'jose';
import { ADMIN_KEY, openAccess, type Access } from '../../test/access.ts';
import { startRemote } from '../../test/jwt.ts';

const SECRET = 'a secret of thirty-two characters!';
const bytes = (text: string) => new TextEncoder().encode(text);
const CLAIMS = { sub: 'ada', tenant_id: 'acme', roles: ['member'] };

/** A token signed by HS256, an hour long unless the claims say otherwise. */
function signed(claims: JWTPayload = CLAIMS, secret = SECRET): Promise<string> {
  const { exp = '1h', ...rest } = claims;
  return new SignJWT(rest).setProtectedHeader({ alg: 'HS256' }).setExpirationTime(exp).sign(bytes(secret));
}

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a JWT', () => {
  let database: Database;
  before(async () => void (database = await openTestDatabase()));
  beforeEach(() => database.db.deleteFrom('audit').execute());
  after(() => database[Symbol.asyncDispose]());

  async function refused(access: Access, token: string, why: RegExp, status = 401): Promise<void> {
    const answer = await access.who(token);
    assert.deepEqual(
      [answer.status, answer.body.code],
      [status, status === 401 ? 'unauthenticated' : answer.body.code],
    );
    assert.match(answer.body.error, why);
    if (status === 401)
      assert.equal(answer.headers.get('www-authenticate'), 'Bearer realm="reeve", error="invalid_token"');
    else assert.ok(answer.headers.get('retry-after'));
  }

  describe('signed by a secret', () => {
    let access: Access;
    before(() => void (access = openAccess(database, { REEVE_JWT_SECRET: SECRET })));
    after(() => access[Symbol.asyncDispose]());
    const whoHolds = async (claims: JWTPayload) => (await access.who(await signed(claims))).body;

    it('says who calls, in which tenant, which is made where it is missing, and by the strongest role that is known', async () => {
      assert.deepEqual(await whoHolds({ ...CLAIMS, tenant_id: 'new-1' }), {
        tenantId: 'new-1',
        userId: 'ada',
        role: 'member',
        via: 'jwt',
      });
      const made = await database.db.selectFrom('tenants').select('name').where('tenant_id', '=', 'new-1').execute();
      assert.equal(made.length, 1);
      const roles: [unknown, string][] = [
        [['viewer', 'operator', 'member'], 'operator'],
        [['admin', 'other'], 'admin'],
        [['Admin', 'root', 'owner'], 'viewer'],
        [[], 'viewer'],
        [undefined, 'viewer'],
        [null, 'viewer'],
      ];
      for (const [given, role] of roles) assert.equal((await whoHolds({ ...CLAIMS, roles: given })).role, role);
      assert.equal((await whoHolds({ sub: 'auth0|5f7c8ec7c33c6c004bbafe82' })).tenantId, 'default');
    });

    it('is refused for claims of another type or form, whatever they would give', async () => {
      const wrong: [JWTPayload, RegExp][] = [
        [{ ...CLAIMS, roles: 'admin' }, /roles must be a list/],
        [{ ...CLAIMS, roles: { 0: 'admin' } }, /roles must be a list/],
        [{ ...CLAIMS, roles: ['admin', 7] }, /roles must be texts/],
        [{ ...CLAIMS, roles: [['admin']] }, /roles must be texts/],
        [{ ...CLAIMS, roles: true }, /roles must be a list/],
        [{ ...CLAIMS, tenant_id: 7 }, /tenant_id must be a text/],
        [{ ...CLAIMS, tenant_id: '../default' }, /tenant_id must be 1 to 64/],
        [{ ...CLAIMS, tenant_id: '' }, /tenant_id must be 1 to 64/],
        [{ ...CLAIMS, tenant_id: ['default'] }, /tenant_id must be a text/],
        [{ ...CLAIMS, sub: '' }, /sub must be 1 to 200/],
        [{ ...CLAIMS, sub: 'x'.repeat(201) }, /sub must be 1 to 200/],
        [{ ...CLAIMS, sub: 'a b' }, /sub must be 1 to 200/],
        [{ ...CLAIMS, sub: 'a\u0000b' }, /sub must be 1 to 200/],
        [{ ...CLAIMS, sub: 'system' }, /keeps for itself/],
        [{ ...CLAIMS, sub: 'key-1' }, /keeps for itself/],
        [{ ...CLAIMS, sub: 'internal-service' }, /keeps for itself/],
        [{ tenant_id: 'acme' }, /claim sub is missing/],
      ];
      for (const [claims, why] of wrong) await refused(access, await signed(claims), why);
    });

    it('is refused where it has expired, is not valid yet, or never expires', async () => {
      const now = Math.floor(Date.now() / 1_000);
      await refused(access, await signed({ ...CLAIMS, exp: now - 60 }), /expired/);
      assert.equal(
        (await access.who(await signed({ ...CLAIMS, exp: now - 2 }))).status,
        200,
        'clocks are a little apart',
      );
      await refused(access, await signed({ ...CLAIMS, nbf: now + 60 }), /claim nbf/);
      const endless = await new SignJWT(CLAIMS).setProtectedHeader({ alg: 'HS256' }).sign(bytes(SECRET));
      await refused(access, endless, /claim exp is missing/);
    });

    it('stops with its expiry although it was just used', async () => {
      const token = await signed({ ...CLAIMS, exp: Math.floor(Date.now() / 1_000) - 3 });
      assert.equal((await access.who(token)).status, 200);
      await sleep(3_100);
      await refused(access, token, /expired/);
    });

    it('is refused where it is not signed by the secret, whatever its header says', async () => {
      const payload = base64({ ...CLAIMS, roles: ['admin'], exp: Math.floor(Date.now() / 1_000) + 60 });
      const good = await signed();
      const [header, , signature] = good.split('.');
      await refused(access, await signed(CLAIMS, 'another secret of thirty-two chars'), /signature/);
      await refused(access, `${header}.${payload}.${signature}`, /signature/);
      await refused(access, `${header}.${payload}.`, /signature/);
      for (const alg of ['none', 'None', 'NONE', ''])
        for (const end of ['', signature!])
          await refused(access, `${base64({ alg })}.${payload}.${end}`, /not accepted|not a JWT/);
      await refused(access, `${base64({ typ: 'JWT' })}.${payload}.${signature}`, /not accepted/);
      await refused(access, `${base64({ alg: 'HS512' })}.${payload}.${signature}`, /signed by HS512/);
      await refused(access, `${base64({ alg: ['HS256'] })}.${payload}.${signature}`, /./);
      const critical = new SignJWT(CLAIMS).setProtectedHeader({ alg: 'HS256', crit: ['x'], x: 1 });
      const made = await critical.setExpirationTime('1h').sign(bytes(SECRET), { crit: { x: true } });
      await refused(access, made, /signature or its form/);
    });

    it('never gets in, nor makes the server fail, with one character changed or with rubbish', async () => {
      const good = await signed({ ...CLAIMS, roles: ['admin'] });
      assert.equal((await access.who(good)).status, 200);
      await fc.assert(
        fc.asyncProperty(fc.nat(good.length - 1), fc.constantFrom(...'AZaz09-_.'.split('')), async (at, letter) => {
          const changed = good.slice(0, at) + letter + good.slice(at + 1);
          // The last character of a signature has bits that nobody reads.
          if (changed === good || at === good.length - 1) return;
          assert.equal((await access.who(changed)).status, 401);
        }),
        cases(200),
      );
      const part = fc.stringMatching(/^[\w=+/-]{0,40}$/);
      await fc.assert(
        fc.asyncProperty(part, part, part, async (...parts) => {
          assert.equal((await access.who(parts.join('.'))).status, 401);
        }),
        cases(200),
      );
    });

    it('is refused unread where it is huge', async () => {
      await refused(access, await signed({ ...CLAIMS, more: 'x'.repeat(8_192) }), /longer than 8192/);
    });

    it('is told from a key by its form; where none are configured it is refused', async () => {
      assert.equal((await access.who(ADMIN_KEY)).body.via, 'api_key');
      assert.match((await access.who('a.b')).body.error, /is not a key as/);
      assert.match((await access.who('a.b.c.d')).body.error, /is not a key as/);
      assert.equal((await access.send('GET', '/version', undefined, { 'x-api-key': await signed() })).status, 401);
      await using none = openAccess(database);
      await refused(none, await signed(), /signed by HS256, which is not accepted here/);
    });

    it('is in the audit log once, when it is first met', async () => {
      await using own = openAccess(database, { REEVE_JWT_SECRET: SECRET });
      const token = await signed({ ...CLAIMS, tenant_id: 'default' });
      for (let call = 0; call < 5; call += 1) await own.who(token);
      await own.who(await signed({ ...CLAIMS, tenant_id: 'other', exp: Math.floor(Date.now() / 1_000) + 99 }));
      await own[Symbol.asyncDispose]();
      const rows = await database.db
        .selectFrom('audit')
        .select(['tenant_id', 'action', 'actor', 'details'])
        .where('actor', '=', 'ada')
        .orderBy('tenant_id')
        .execute();
      const details = { via: 'jwt', role: 'member' };
      assert.deepEqual(rows, [
        { tenant_id: 'default', action: 'LOGIN', actor: 'ada', details },
        { tenant_id: 'other', action: 'LOGIN', actor: 'ada', details },
      ]);
    });

    it('is refused for another issuer or audience than those that are configured', async () => {
      const configured = { REEVE_JWT_ISSUER: 'https://a.example, https://b.example', REEVE_JWT_AUDIENCE: 'reeve' };
      await using own = openAccess(database, { REEVE_JWT_SECRET: SECRET, ...configured });
      const right = { ...CLAIMS, iss: 'https://b.example', aud: ['other', 'reeve'] };
      assert.equal((await own.who(await signed(right))).status, 200);
      await refused(own, await signed({ ...right, iss: 'https://c.example' }), /claim iss/);
      await refused(own, await signed({ ...right, aud: 'other' }), /claim aud/);
      await refused(own, await signed({ ...CLAIMS, iss: 'https://a.example' }), /claim aud/);
    });
  });

  describe('signed by a key of a JWKS', { concurrency: true }, () => {
    const issue = async (alg: string, kid: string) => {
      const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
      const jwk: JWK = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
      const sign = (claims: JWTPayload = CLAIMS, header: object = {}) =>
        new SignJWT(claims)
          .setProtectedHeader({ alg, kid, ...header })
          .setExpirationTime('1h')
          .sign(privateKey);
      return { jwk, sign };
    };

    it('gets in by RSA, ECDSA and EdDSA, and by a new key as soon as the issuer has it', async () => {
      const keys = await Promise.all(['RS256', 'PS256', 'ES256', 'EdDSA'].map((alg, at) => issue(alg, `key-of-${at}`)));
      let shown = keys.slice(0, 3).map(({ jwk }) => jwk);
      await using remote = await startRemote(() => ({ body: { keys: shown } }));
      await using access = openAccess(database, { REEVE_JWKS_URL: `${remote.url}/jwks` });
      for (const { sign } of keys.slice(0, 3)) assert.equal((await access.who(await sign())).body.userId, 'ada');
      assert.deepEqual([remote.asked.length, remote.asked[0]?.path], [1, '/jwks'], 'fetched once');
      await refused(access, await keys[3]!.sign(), /no key of REEVE_JWKS_URL fits/);
      assert.equal(remote.asked.length, 1, 'just fetched: not again');
      await using later = openAccess(database, { REEVE_JWKS_URL: `${remote.url}/jwks` });
      assert.equal((await later.who(await keys[0]!.sign())).status, 200);
      shown = [keys[3]!.jwk];
      await sleep(5_100);
      assert.equal((await later.who(await keys[3]!.sign())).status, 200, 'the set is fetched again for a new key');
      await refused(later, await keys[1]!.sign({ ...CLAIMS, jti: 'new' }), /no key of REEVE_JWKS_URL fits/);
      assert.equal(remote.asked.length, 3);
    });

    it('without a name of its key may be of any that fits', async () => {
      const [one, two] = [await issue('ES256', 'one'), await issue('ES256', 'two')];
      await using remote = await startRemote(() => ({ body: { keys: [one.jwk, two.jwk] } }));
      await using access = openAccess(database, { REEVE_JWKS_URL: remote.url });
      assert.equal((await access.who(await two.sign(CLAIMS, { kid: undefined }))).status, 200);
      const stranger = await issue('ES256', 'three');
      await refused(access, await stranger.sign(CLAIMS, { kid: undefined }), /signature/);
    });

    it('is refused where a public key was used as a secret, and where the token brings its own key', async () => {
      const { jwk } = await issue('RS256', 'rsa');
      const thief = await issue('RS256', 'rsa');
      await using remote = await startRemote(() => ({ body: { keys: [jwk] } }));
      const both = { REEVE_JWKS_URL: remote.url, REEVE_JWT_SECRET: SECRET };
      await using access = openAccess(database, both);
      for (const secret of [JSON.stringify(jwk), jwk.n!]) {
        const token = await new SignJWT(CLAIMS)
          .setProtectedHeader({ alg: 'HS256', kid: 'rsa' })
          .setExpirationTime('1h')
          .sign(bytes(secret));
        await refused(access, token, /signature/);
      }
      await refused(access, await thief.sign(), /signature/);
      await refused(access, await thief.sign(CLAIMS, { jwk: thief.jwk }), /signature/);
      await refused(access, await thief.sign(CLAIMS, { jku: 'http://127.0.0.1:9/jwks' }), /signature/);
      assert.equal((await access.who(await signed())).status, 200, 'HS256 by the secret beside it');
      await using keysOnly = openAccess(database, { REEVE_JWKS_URL: remote.url });
      await refused(keysOnly, await signed(), /signed by HS256/);
    });

    it('goes on while the issuer is away, by the keys that are there; another key is 503 then, and so is all before the first', async () => {
      const [known, fresh] = [await issue('ES256', 'known'), await issue('ES256', 'fresh')];
      await using remote = await startRemote(() => ({ body: { keys: [known.jwk] } }));
      await using access = openAccess(database, { REEVE_JWKS_URL: remote.url });
      assert.equal((await access.who(await known.sign())).status, 200);
      await remote.stop();
      await sleep(5_100);
      await refused(access, await fresh.sign(), /cannot be fetched/, 503);
      assert.equal((await access.who(await known.sign({ ...CLAIMS, jti: 'another' }))).status, 200);
      await using unlucky = openAccess(database, { REEVE_JWKS_URL: remote.url });
      await refused(unlucky, await known.sign(), /cannot be fetched/, 503);
    });

    it('is 503, soon, where the issuer answers with rubbish, a redirect, too much, or not at all', async () => {
      const { jwk, sign } = await issue('ES256', 'x');
      const token = await sign();
      await using elsewhere = await startRemote(() => ({ body: { keys: [jwk] } }));
      for (const answer of [
        { body: '<html>' },
        { body: { keys: 'none' } },
        { body: [] },
        { status: 500, body: { keys: [jwk] } },
        { status: 302, body: '', headers: { location: elsewhere.url } },
        { body: { keys: [jwk], more: 'x'.repeat(2 ** 21) } },
      ]) {
        await using remote = await startRemote(() => answer);
        await using access = openAccess(database, { REEVE_JWKS_URL: remote.url });
        await refused(access, token, /cannot be fetched/, 503);
        await refused(access, token, /cannot be fetched/, 503);
        assert.equal(remote.asked.length, 1, 'it is left alone for a while');
      }
      assert.equal(elsewhere.asked.length, 0);
      await using silent = await startRemote(() => undefined);
      await using access = openAccess(database, { REEVE_JWKS_URL: silent.url });
      const before = performance.now();
      await refused(access, token, /cannot be fetched/, 503);
      assert.ok(performance.now() - before < 7_000);
    });
  });

  describe('that an auth service is asked about', { concurrency: true }, () => {
    const TOKEN = `${base64({ alg: 'XX1', typ: 'JWT' })}.${base64({ sub: 'not believed', exp: 4_000_000_000 })}.c2ln`;

    it('gets in by what the service says, which is asked once for a while', async () => {
      await using remote = await startRemote(() => ({ body: { valid: true, ...CLAIMS } }));
      await using access = openAccess(database, { AUTH_SERVICE_URL: `${remote.url}/` });
      for (let call = 0; call < 3; call += 1)
        assert.deepEqual((await access.who(TOKEN)).body, {
          tenantId: 'acme',
          userId: 'ada',
          role: 'member',
          via: 'jwt',
        });
      assert.deepEqual(remote.asked, [
        {
          method: 'POST',
          path: '/api/v1/auth/verify-token',
          body: JSON.stringify({ token: TOKEN }),
          authorization: `Bearer ${TOKEN}`,
        },
      ]);
      remote.answer = () => ({ body: { claims: { sub: 'bob', roles: ['admin'] } } });
      const other = `${base64({ alg: 'XX1' })}.e30.c2ln`;
      assert.deepEqual((await access.who(other)).body, {
        tenantId: 'default',
        userId: 'bob',
        role: 'admin',
        via: 'jwt',
      });
    });

    it('is refused where the service says no, which is remembered for a while', async () => {
      for (const answer of [
        { status: 401, body: {} },
        { status: 403, body: 'no' },
        { status: 400, body: {} },
        { body: { valid: false, ...CLAIMS } },
        { body: { active: false, ...CLAIMS } },
      ]) {
        await using remote = await startRemote(() => answer);
        await using access = openAccess(database, { AUTH_SERVICE_URL: remote.url });
        for (let call = 0; call < 3; call += 1) await refused(access, TOKEN, /the auth service says/);
        assert.equal(remote.asked.length, 1);
      }
    });

    it('is refused where it has expired or is for somebody else, whatever the service says', async () => {
      const of = (claims: object) => `${base64({ alg: 'XX1' })}.${base64(claims)}.c2ln`;
      await using remote = await startRemote(() => ({ body: CLAIMS }));
      await using access = openAccess(database, { AUTH_SERVICE_URL: remote.url, REEVE_JWT_AUDIENCE: 'reeve' });
      assert.equal((await access.who(of({ aud: 'reeve' }))).status, 200);
      await refused(access, of({ aud: 'reeve', exp: 1 }), /expired/);
      await refused(access, of({ aud: 'reeve', exp: 'never' }), /expired/);
      await refused(access, of({ aud: 'other' }), /claim aud/);
      remote.answer = () => ({ body: { ...CLAIMS, aud: 'reeve', exp: 1 } });
      await refused(access, of({ n: 1 }), /expired/);
      remote.answer = () => ({ body: { ...CLAIMS, aud: 'reeve', roles: 'admin' } });
      await refused(access, of({ n: 2 }), /roles must be a list/);
    });

    it('is 503 where the service is down, slow or talks rubbish, and never access', async () => {
      for (const answer of [
        { status: 500, body: CLAIMS },
        { status: 404, body: {} },
        { status: 302, body: CLAIMS, headers: { location: '/elsewhere' } },
        { status: 201, body: CLAIMS },
        { body: '<html>' },
        { body: '' },
        { body: [CLAIMS] },
        { body: null },
        { body: { valid: true } },
        { body: { ...CLAIMS, more: 'x'.repeat(2 ** 21) } },
      ]) {
        await using remote = await startRemote(() => answer);
        await using access = openAccess(database, { AUTH_SERVICE_URL: remote.url });
        await refused(access, TOKEN, /auth service|AUTH_SERVICE_URL/, 503);
      }
      await using silent = await startRemote(() => undefined);
      await using access = openAccess(database, { AUTH_SERVICE_URL: silent.url });
      const before = performance.now();
      await refused(access, TOKEN, /does not answer/, 503);
      assert.ok(performance.now() - before < 7_000);
    });

    it('is 503 at once while a service that failed five times is left alone, and gets in when it is back', async () => {
      await using remote = await startRemote(() => ({ status: 500, body: '' }));
      await using access = openAccess(database, { AUTH_SERVICE_URL: remote.url });
      for (let call = 0; call < 9; call += 1) assert.equal((await access.who(TOKEN)).status, 503);
      assert.equal(remote.asked.length, 5);
      remote.answer = () => ({ body: CLAIMS });
      await sleep(5_100);
      assert.equal((await access.who(TOKEN)).status, 200);
    });
  });
});
