import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadConfig, ReeveError } from '@reeve/kit';
import { createCallAuthenticator } from './authenticate-call.ts';
import { identitySettings } from './config.ts';

const SECRET = 'a-secret-of-this-test';
const KEY = 'rv_a_key_of_this_test';

function authenticatorOf(environment: Readonly<Record<string, string>>, stored?: string) {
  const made: string[] = [];
  const authenticate = createCallAuthenticator({
    config: loadConfig(identitySettings, environment).config,
    ensure: async (tenantId) => void made.push(tenantId),
    ...(stored !== undefined && {
      authenticate: async (header) => {
        if (header('authorization') !== `Bearer ${stored}`) throw new ReeveError('unauthenticated', 'not that key');
        return { tenantId: 'of-the-key', userId: 'key-1', role: 'member', via: 'api_key' };
      },
    }),
  });
  const call = (headers: Readonly<Record<string, string>>, isPeer = false) =>
    authenticate((name) => headers[name], { isPeer });
  return { call, made };
}

describe('who calls a service between roles', () => {
  it('is a role by the internal secret, in either form, for the tenant that it names', async () => {
    const { call, made } = authenticatorOf({ REEVE_INTERNAL_SECRET: SECRET });
    for (const headers of [
      { authorization: `Bearer ${SECRET}` },
      { 'x-internal-service': 'true', 'x-internal-service-secret': SECRET },
    ]) {
      const { tenantId, role, via } = await call({ ...headers, 'x-tenant-id': 'acme' });
      assert.deepEqual([tenantId, role, via], ['acme', 'admin', 'internal']);
      assert.equal((await call(headers)).tenantId, 'default');
    }
    assert.deepEqual(made, ['acme', 'default', 'acme', 'default']);
    await assert.rejects(call({ 'x-internal-service': 'true', 'x-internal-service-secret': 'x'.repeat(20) }), {
      reason: 'unauthenticated',
    });
    await assert.rejects(call({ authorization: `Bearer ${SECRET}`, 'x-tenant-id': '../up' }), {
      reason: 'unauthenticated',
      message: /x-tenant-id must be/,
    });
  });

  it('is a role by a certificate of our authority, unless a key says who it is', async () => {
    const { call } = authenticatorOf({ REEVE_API_KEY: KEY });
    const peer = await call({ 'x-tenant-id': 'acme' }, true);
    assert.deepEqual([peer.tenantId, peer.via], ['acme', 'certificate']);
    const keyed = await call({ 'x-tenant-id': 'acme', authorization: `Bearer ${KEY}` }, true);
    assert.deepEqual([keyed.tenantId, keyed.via], ['default', 'api_key']);
    await assert.rejects(call({ authorization: 'Bearer rv_wrong' }, true), { reason: 'unauthenticated' });
  });

  it('is nobody without a credential where one is configured', async () => {
    const { call } = authenticatorOf({ REEVE_API_KEY: KEY });
    for (const headers of [
      {},
      { 'x-tenant-id': 'acme' },
      { authorization: KEY },
      { authorization: 'Bearer ' },
      { 'x-api-key': 'no' },
    ])
      await assert.rejects(call(headers), { reason: 'unauthenticated' });
    assert.equal((await call({ 'x-api-key': KEY })).userId, 'key-1');
  });

  it('is whoever is on this machine in development mode, but no page that a name led here', async () => {
    const { call } = authenticatorOf({});
    const local = await call({ host: '127.0.0.1:50053', 'x-tenant-id': 'acme' });
    assert.deepEqual([local.tenantId, local.userId, local.via], ['acme', 'local', 'development']);
    await assert.rejects(call({ host: 'evil.example:50053' }), { reason: 'unauthenticated' });
  });

  it('is who stored keys and tokens say where there is a database', async () => {
    const { call } = authenticatorOf({ REEVE_API_KEY: KEY }, 'stored');
    assert.equal((await call({ authorization: 'Bearer stored', 'x-tenant-id': 'acme' })).tenantId, 'of-the-key');
    await assert.rejects(call({ authorization: 'Bearer other' }), { reason: 'unauthenticated' });
    await assert.rejects(call({}), { reason: 'unauthenticated' });
  });
});
