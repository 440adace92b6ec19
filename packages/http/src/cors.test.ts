import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineRoute } from '@reeve/contract';
import type { Db } from '@reeve/db';
import { ReeveError, silentLog } from '@reeve/kit';
import { z } from 'zod';
import { createApp } from './app.ts';
import type { Principal } from './principal.ts';
import { EventStream } from './sse.ts';

const read = defineRoute({
  method: 'GET',
  path: '/things/{id}',
  tag: 'X',
  summary: 'x',
  access: 'viewer',
  responses: { 200: z.unknown() },
});
const change = defineRoute({ ...read, method: 'POST' });
const streamed = defineRoute({ ...read, path: '/streamed', events: z.unknown(), produces: 'text/event-stream' });

const OWN = 'http://reeve.test';
const FRIEND = 'https://app.example';
const EVIL = 'https://evil.example';

function appOf(corsOrigins?: readonly string[], via: Principal['via'] = 'api_key') {
  const app = createApp({
    service: 'test',
    log: silentLog,
    db: undefined as unknown as Db,
    stopping: new AbortController().signal,
    ...(corsOrigins !== undefined && { corsOrigins }),
    authenticate: async (header) => {
      if (header('x-api-key') === 'wrong') throw new ReeveError('unauthenticated', 'no');
      return { tenantId: 'default', userId: 'ada', role: 'admin', via };
    },
  });
  for (const route of [read, change]) app.mount(route, async () => ({}));
  app.mount(streamed, async () => new EventStream(async function* () {}));
  app.fallback(async ({ url }) =>
    url.endsWith('.js') ? new Response('file', { headers: { 'x-frame-options': 'SAMEORIGIN' } }) : undefined,
  );
  return (method: string, path: string, headers: Record<string, string> = {}, incoming?: object) =>
    app.fetch(new Request(`${OWN}${path}`, { method, headers: { host: 'reeve.test', ...headers } }), { incoming });
}
const allowed = ({ headers }: Response) => headers.get('access-control-allow-origin');

describe('pages of other origins', () => {
  it('may read what the list allows, failures and streams included, and are never given credentials', async () => {
    const send = appOf([FRIEND, 'http://localhost:5173']);
    for (const [path, headers, status] of [
      ['/things/1', {}, 200],
      ['/streamed', {}, 200],
      ['/app.js', {}, 200],
      ['/nothing', {}, 404],
      ['/things/1', { 'x-api-key': 'wrong' }, 401],
      ['/things/1?a=1&a=2', {}, 200],
    ] as const) {
      const response = await send('GET', path, { origin: FRIEND, ...headers });
      assert.deepEqual(
        [response.status, allowed(response), response.headers.get('vary')],
        [status, FRIEND, 'Origin'],
        path,
      );
      assert.match(response.headers.get('access-control-expose-headers')!, /retry-after.*x-request-id/);
      assert.equal(response.headers.get('access-control-allow-credentials'), null);
      await response.body?.cancel();
    }
    for (const origin of [EVIL, 'null', `${FRIEND}.evil.example`, 'http://app.example', FRIEND.toUpperCase()])
      assert.equal(allowed(await send('GET', '/things/1', { origin })), null, origin);
    assert.equal((await send('GET', '/things/1')).headers.get('vary'), 'Origin');
  });

  it('are told nothing where there is no list', async () => {
    const send = appOf();
    const response = await send('GET', '/things/1', { origin: FRIEND });
    assert.deepEqual([allowed(response), response.headers.get('vary')], [null, null]);
    const asked = await send('OPTIONS', '/things/1', { origin: FRIEND, 'access-control-request-method': 'POST' });
    assert.deepEqual([asked.status, allowed(asked)], [405, null]);
  });

  it('are answered before they send, with the methods of the path and the headers that they ask for', async () => {
    const send = appOf([FRIEND]);
    const ask = {
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'Content-Type, X-API-Key',
    };
    const response = await send('OPTIONS', '/things/1', { origin: FRIEND, ...ask });
    assert.deepEqual([response.status, await response.text(), allowed(response)], [204, '', FRIEND]);
    assert.equal(response.headers.get('access-control-allow-methods'), 'GET, POST');
    assert.equal(response.headers.get('access-control-allow-headers'), 'content-type, x-api-key');
    assert.equal(response.headers.get('access-control-max-age'), '600');
    const odd = await send('OPTIONS', '/things/1', {
      origin: FRIEND,
      ...ask,
      'access-control-request-headers': 'a b<',
    });
    assert.equal(odd.headers.get('access-control-allow-headers'), null);
    for (const [path, headers, status] of [
      ['/things/1', { origin: EVIL, ...ask }, 405],
      ['/things/1', { origin: FRIEND }, 405],
      ['/nothing', { origin: FRIEND, ...ask }, 404],
    ] as const) {
      const refused = await send('OPTIONS', path, headers);
      assert.deepEqual([refused.status, refused.headers.get('access-control-allow-methods')], [status, null]);
    }
  });

  it('may be all of them, then without a name', async () => {
    const send = appOf(['*']);
    const response = await send('GET', '/things/1', { origin: EVIL });
    assert.deepEqual([allowed(response), response.headers.get('vary')], ['*', null]);
    assert.equal(response.headers.get('access-control-allow-credentials'), null);
  });

  it('may not change anything in the name of a caller who shows no credential', async () => {
    const foreign = [
      { origin: EVIL },
      { origin: 'null' },
      { origin: `${OWN}:81` },
      { origin: EVIL, 'sec-fetch-site': 'cross-site' },
      { origin: OWN, 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site' },
    ];
    const own = [
      {},
      { origin: OWN },
      { origin: OWN, 'sec-fetch-site': 'same-origin' },
      { origin: 'https://proxied.example', 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'none' },
      { origin: FRIEND, 'sec-fetch-site': 'cross-site' },
    ];
    for (const via of ['development', 'header'] as const) {
      const send = appOf([FRIEND], via);
      for (const headers of foreign) {
        assert.equal((await send('POST', '/things/1', headers)).status, 403, JSON.stringify(headers));
        assert.equal((await send('GET', '/things/1', headers)).status, 200);
      }
      for (const headers of own)
        assert.equal((await send('POST', '/things/1', headers)).status, 200, JSON.stringify(headers));
    }
    for (const headers of foreign) assert.equal((await appOf([])('POST', '/things/1', headers)).status, 200);
  });
});

describe('browsers', () => {
  it('are told on every answer what they may do with it, and over TLS to stay with TLS', async () => {
    const send = appOf();
    for (const [method, path] of [
      ['GET', '/things/1'],
      ['HEAD', '/things/1'],
      ['GET', '/streamed'],
      ['GET', '/nothing'],
      ['DELETE', '/things/1'],
      ['GET', '/app.js'],
    ] as const) {
      const { headers, body } = await send(method, path);
      assert.match(headers.get('content-security-policy')!, /default-src 'none'; frame-ancestors 'none'/);
      assert.deepEqual(
        ['x-content-type-options', 'referrer-policy', 'cross-origin-opener-policy', 'cross-origin-resource-policy'].map(
          (name) => headers.get(name),
        ),
        ['nosniff', 'no-referrer', 'same-origin', 'same-origin'],
        path,
      );
      assert.equal(
        headers.get('x-frame-options'),
        path === '/app.js' ? 'SAMEORIGIN' : 'DENY',
        'an answer may say otherwise',
      );
      assert.equal(headers.get('strict-transport-security'), null);
      await body?.cancel();
    }
    const overTls = await send('GET', '/things/1', {}, { socket: { encrypted: true } });
    assert.equal(overTls.headers.get('strict-transport-security'), 'max-age=31536000');
  });
});
