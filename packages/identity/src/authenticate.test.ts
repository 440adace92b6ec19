// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Database } from '@reeve/db';
import type { Principal } from '@reeve/http';
import { loadConfig, silentLog } from '@reeve/kit';
import { openTestDatabase } from '@reeve/testing';
import { openAuthenticator, requireSafeBinding } from './authenticate.ts';
import { identitySettings } from './config.ts';

const KEYS = { REEVE_API_KEY: 'rv_first_key, rv_second_key' };
const SECRET = { REEVE_INTERNAL_SECRET: 'between-services' };
const TRUST = { REEVE_TRUST_USER_HEADER: 'true' };
const INTERNAL = { 'x-internal-service': 'true', 'x-internal-service-secret': 'between-services' };
const BEARER = { authorization: 'Bearer rv_first_key' };
const KEY = { 'x-api-key': 'rv_second_key' };
const USER = { 'x-user-id': 'ada@example.com' };

const configOf = (environment: Record<string, string>) => loadConfig(identitySettings, environment).config;

describe('who is calling', () => {
  let database: Database;
  before(async () => void (database = await openTestDatabase()));
  after(() => database[Symbol.asyncDispose]());

  async function who(environment: Record<string, string>, headers: Record<string, string>): Promise<Principal> {
    await using authenticator = openAuthenticator(configOf(environment), database, silentLog);
    return await authenticator.authenticate((name) => headers[name]);
  }
  const userOf = async (environment: Record<string, string>, headers: Record<string, string>) =>
    (await who(environment, headers)).userId;
  const refused = (environment: Record<string, string>, headers: Record<string, string>) =>
    assert.rejects(who(environment, headers), { reason: 'unauthenticated' });

  it('is decided by the first credential that is present: internal secret, bearer, key, user header', async () => {
    const all = { ...KEYS, ...SECRET, ...TRUST };
    assert.deepEqual(await who(all, { ...INTERNAL, ...BEARER, ...KEY, ...USER }), {
      tenantId: 'default',
      userId: 'internal-service',
      role: 'admin',
      via: 'internal',
    });
    assert.deepEqual(await who(all, { ...BEARER, ...KEY, ...USER }), {
      tenantId: 'default',
      userId: 'key-1',
      role: 'admin',
      via: 'api_key',
    });
    assert.deepEqual(await who(all, { ...KEY, ...USER }), {
      tenantId: 'default',
      userId: 'key-2',
      role: 'admin',
      via: 'api_key',
    });
    assert.deepEqual(await who(all, USER), {
      tenantId: 'default',
      userId: 'ada@example.com',
      role: 'member',
      via: 'header',
    });
    assert.equal(await userOf(all, { 'user-id': 'bob' }), 'bob');
    await refused(all, {});
  });

  it('is nobody where the first is wrong, whatever comes after it', async () => {
    const all = { ...KEYS, ...SECRET, ...TRUST };
    for (const wrong of ['', 'wrong', 'between-service', 'between-servicess'])
      await refused(all, { 'x-internal-service': 'true', 'x-internal-service-secret': wrong, ...BEARER });
    await refused(all, { 'x-internal-service': 'true', ...BEARER });
    await refused(all, { ...INTERNAL, 'x-internal-service': 'yes', ...BEARER });
    for (const authorization of [
      '',
      'Bearer',
      'Bearer ',
      'Bearer rv_wrong',
      'Bearer rv_first_ke',
      'rv_first_key',
      'Basic cnZfZmlyc3Rfa2V5',
      'Bearer rv_first_key extra',
    ]) {
      await refused(all, { authorization, ...KEY, ...USER });
    }
    for (const key of ['', 'rv_wrong', 'rv_first_key,rv_second_key']) await refused(all, { 'x-api-key': key, ...USER });
    for (const user of ['', 'a b', `x' or '1'='1`, '<b>', 'x'.repeat(201)]) await refused(all, { 'x-user-id': user });
  });

  it('is not believed from a user header unless that is switched on', async () => {
    await refused(KEYS, USER);
    assert.equal(await userOf({ ...KEYS, ...TRUST }, USER), 'ada@example.com');
  });

  it('is nobody in development mode where the request came under another name than localhost', async () => {
    for (const host of ['localhost', 'localhost:8080', '127.0.0.1:8080', '[::1]:8080'])
      assert.equal(await userOf({}, { host }), 'local');
    for (const host of ['evil.example', 'evil.example:8080', '127.0.0.1.evil.example', '10.0.0.5:8080']) {
      await refused({}, { host });
      await refused({}, { host, ...USER });
    }
    assert.equal(await userOf(KEYS, { host: 'reeve.example', ...BEARER }), 'key-1');
  });

  it('is the local admin in development mode on a route of other people’s clients, whatever bearer token they send', async () => {
    const route = { ignoresForeignTokens: true };
    const host = 'localhost:8080';
    const caller = async (
      environment: Record<string, string>,
      headers: Record<string, string>,
      asked?: typeof route,
    ) => {
      await using authenticator = openAuthenticator(configOf(environment), database, silentLog);
      return (await authenticator.authenticate((name) => headers[name], asked)).userId;
    };
    for (const token of ['Bearer none', 'bearer sk-1234', 'Bearer a.b.c', 'Bearer']) {
      assert.equal(await caller({}, { host, authorization: token }, route), 'local');
      await assert.rejects(caller({}, { host, authorization: token }), { reason: 'unauthenticated' });
      await assert.rejects(caller({}, { host: 'evil.example', authorization: token }, route), {
        reason: 'unauthenticated',
      });
      for (const credential of [KEYS, SECRET, { REEVE_JWT_SECRET: 'x'.repeat(32) }])
        await assert.rejects(caller(credential, { host, authorization: token }, route), { reason: 'unauthenticated' });
    }
    for (const token of ['Bearer rv_wrong', 'Basic eDp5', 'Bearer two words'])
      await assert.rejects(caller({}, { host, authorization: token }, route), { reason: 'unauthenticated' });
  });

  it('is never an internal service where no secret is configured', async () => {
    await refused(KEYS, { 'x-internal-service': 'true', 'x-internal-service-secret': '' });
    await refused({}, INTERNAL);
  });

  it('is an internal service by the current secret and by the next one, and by no other', async () => {
    const two = { REEVE_INTERNAL_SECRET: 'between-services, the-next-secret' };
    for (const secret of ['between-services', 'the-next-secret'])
      assert.equal(await userOf(two, { ...INTERNAL, 'x-internal-service-secret': secret }), 'internal-service');
    for (const secret of ['between-services, the-next-secret', 'the-next-secre', ''])
      await refused(two, { ...INTERNAL, 'x-internal-service-secret': secret });
  });

  it('keeps the name of a key from the configuration when the one before it goes and its place stays', async () => {
    assert.equal(await userOf({ REEVE_API_KEY: ',rv_second_key' }, KEY), 'key-2');
    assert.equal(await userOf({ REEVE_API_KEY: 'rv_second_key' }, KEY), 'key-1');
    for (const key of ['', ' ']) await refused({ REEVE_API_KEY: ',rv_second_key' }, { 'x-api-key': key });
  });

  it('takes the tenant from an internal service, makes it where it is missing, and refuses what is no name', async () => {
    assert.equal((await who(SECRET, { ...INTERNAL, 'x-tenant-id': 'acme-1' })).tenantId, 'acme-1');
    assert.ok(
      await database.db.selectFrom('tenants').select('name').where('tenant_id', '=', 'acme-1').executeTakeFirst(),
    );
    for (const name of ['', '-x', 'a b', `x'; drop table tenants --`, 'x'.repeat(65), '../default'])
      await refused(SECRET, { ...INTERNAL, 'x-tenant-id': name });
    assert.equal(
      (await who({ ...KEYS, ...SECRET }, { ...BEARER, 'x-tenant-id': 'acme-1' })).tenantId,
      'default',
      'a key has its own tenant',
    );
  });

  it('is the local admin in development mode, where a user header gives only the name', async () => {
    assert.deepEqual(await who({}, {}), { tenantId: 'default', userId: 'local', role: 'admin', via: 'development' });
    assert.deepEqual(await who({}, USER), {
      tenantId: 'default',
      userId: 'ada@example.com',
      role: 'admin',
      via: 'header',
    });
    await refused({}, { authorization: 'Bearer rv_any_key' });
    await refused({}, { 'x-api-key': 'rv_any_key' });
  });

  it('must be asked where others can reach the server', () => {
    for (const host of ['0.0.0.0', '::', '10.1.2.3', 'example.com']) {
      assert.throws(() => requireSafeBinding(configOf({}), host), {
        reason: 'forbidden',
        message: new RegExp(`^refusing to listen on ${host} without a credential: set REEVE_API_KEY`),
      });
      assert.throws(() => requireSafeBinding(configOf(TRUST), host), { reason: 'forbidden' });
      requireSafeBinding(configOf(KEYS), host);
      requireSafeBinding(configOf(SECRET), host);
      requireSafeBinding(configOf({ REEVE_JWT_SECRET: 'x'.repeat(32) }), host);
      requireSafeBinding(configOf({ REEVE_JWKS_URL: 'https://issuer.example/jwks' }), host);
      requireSafeBinding(configOf({ AUTH_SERVICE_URL: 'https://auth.example' }), host);
    }
    for (const host of ['127.0.0.1', '::1', 'localhost']) requireSafeBinding(configOf({}), host);
  });

  it('is not settled by a configuration that holds no key, or a short one', () => {
    for (const text of [',', ' , ', 'short', 'rv_long_enough,short'])
      assert.throws(() => configOf({ REEVE_API_KEY: text }), { reason: 'invalid_request' });
    for (const text of ['short', 'long-enough,short', 'long-enough,', 'secret-one,secret-two,secret-three'])
      assert.throws(() => configOf({ REEVE_INTERNAL_SECRET: text }), { reason: 'invalid_request' });
    for (const [name, text] of Object.entries({
      REEVE_JWT_SECRET: 'short',
      REEVE_JWKS_URL: 'file:///etc/passwd',
      AUTH_SERVICE_URL: 'auth.example',
      REEVE_JWT_ISSUER: 'https://a.example,',
    }))
      assert.throws(() => configOf({ [name]: text }), { reason: 'invalid_request' });
  });
});
