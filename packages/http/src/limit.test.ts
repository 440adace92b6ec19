import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineRoute } from '@reeve/contract';
import type { Db } from '@reeve/db';
import { ReeveError, silentLog } from '@reeve/kit';
import { WebSocket as Peer } from 'ws';
import { z } from 'zod';
import { createApp, type AppOptions } from './app.ts';
import type { Limited, Refused } from './limit.ts';
import { startHttpServer } from './server.ts';
import { EventStream } from './sse.ts';

const thing = defineRoute({
  method: 'GET',
  path: '/things/{id}',
  tag: 'X',
  summary: 'x',
  access: 'member',
  params: z.strictObject({ id: z.string().max(3) }),
  responses: { 200: z.unknown() },
});
const open = defineRoute({ ...thing, path: '/open/{id}', access: 'public' });
const streamed = defineRoute({ ...thing, path: '/streamed/{id}', events: z.unknown(), produces: 'text/event-stream' });
const foreign = defineRoute({
  ...thing,
  path: '/foreign/{id}',
  failures: { schema: z.unknown(), of: ({ code }) => ({ fault: code }) },
});
const socket = defineRoute({ ...thing, path: '/ws/{id}', responses: { 101: null }, frames: z.unknown() });

const rates = { 'ratelimit-limit': '100', 'ratelimit-remaining': '7', 'ratelimit-reset': '30' };
const tooMany = new ReeveError('rate_limited', 'too many requests; at most 100 a minute', { retryAfterMs: 29_500 });

function appOf(limit: NonNullable<AppOptions['limit']> = async () => ({ headers: rates })) {
  const refusals: Refused[] = [];
  const app = createApp({
    service: 'test',
    log: silentLog,
    db: undefined as unknown as Db,
    stopping: new AbortController().signal,
    limit,
    onRefused: (refused) => refusals.push(refused),
    authenticate: async (header) => {
      const role = header('x-role');
      if (role === undefined) throw new ReeveError('unauthenticated', 'who are you?');
      return { tenantId: 'acme', userId: 'ada', role: role as 'viewer', via: 'api_key' };
    },
  });
  for (const route of [thing, open, foreign]) app.mount(route, async ({ params }) => ({ id: params.id }));
  app.mount(streamed, async () => new EventStream(async function* () {}));
  app.mountSocket(socket, async () => ({ serve: async () => {} }));
  return { app, refusals };
}
const get = (path: string, role?: string) =>
  new Request(`http://test${path}`, { headers: role === undefined ? {} : { 'x-role': role } });

describe('a limit of requests', () => {
  it('puts its headers on every answer to a known caller, errors and streams included', async () => {
    const { app } = appOf();
    for (const [path, role, status] of [
      ['/things/1', 'member', 200],
      ['/streamed/1', 'member', 200],
      ['/things/1234', 'member', 400],
      ['/things/1', 'viewer', 403],
    ] as const) {
      const response = await app.fetch(get(path, role));
      assert.equal(response.status, status);
      for (const [name, value] of Object.entries(rates))
        assert.equal(response.headers.get(name), value, `${path} ${name}`);
      await response.body?.cancel();
    }
  });

  it('is asked once a request, of the caller and the route, and not on public routes or of unknown callers', async () => {
    const asked: unknown[] = [];
    const { app } = appOf(async (who, { method, path, access }) => {
      asked.push([who.userId, method, path, access]);
      return { headers: {} };
    });
    await app.fetch(get('/things/1', 'member'));
    await app.fetch(get('/open/1', 'member'));
    await app.fetch(get('/things/1'));
    await app.fetch(get('/nothing', 'member'));
    assert.deepEqual(asked, [['ada', 'GET', '/things/{id}', 'member']]);
  });

  it('refuses before role and input are looked at, in the shape of the route', async () => {
    const { app } = appOf(async (): Promise<Limited> => ({ headers: rates, refused: tooMany }));
    for (const [path, role] of [
      ['/things/1', 'member'],
      ['/things/1234', 'viewer'],
      ['/foreign/1', 'member'],
      ['/ws/1', 'member'],
    ] as const) {
      const response = await app.fetch(get(path, role));
      const { status, headers } = response;
      assert.deepEqual(
        [status, headers.get('retry-after'), headers.get('ratelimit-remaining')],
        [429, '30', '7'],
        path,
      );
      const body = (await response.json()) as { code?: string; fault?: string };
      assert.equal(body.code ?? body.fault, 'rate_limited');
    }
  });

  it('that cannot be asked is the answer', async () => {
    const { app } = appOf(async () => {
      throw new ReeveError('unavailable', 'limits cannot be reached; try again');
    });
    const response = await app.fetch(get('/things/1', 'member'));
    assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '1']);
  });
});

describe('a refusal', () => {
  it('is told with the caller where it is known, and with the route as the contract names it', async () => {
    const { app, refusals } = appOf(async ({ role }) => ({
      headers: {},
      ...(role === 'operator' && { refused: tooMany }),
    }));
    for (const role of [undefined, 'viewer', 'operator', 'member']) await app.fetch(get('/things/1', role));
    await app.fetch(get('/things/1234', 'member'));
    await app.fetch(get('/nothing'));
    assert.deepEqual(
      refusals.map(({ error, principal, route, context }) => [
        error.reason,
        principal?.role,
        `${route.method} ${route.path}`,
        context.tenantId,
      ]),
      [
        ['unauthenticated', undefined, 'GET /things/{id}', undefined],
        ['forbidden', 'viewer', 'GET /things/{id}', 'acme'],
        ['rate_limited', 'operator', 'GET /things/{id}', 'acme'],
      ],
    );
  });

  it('of a real connection, WebSockets included, is told with its address', async () => {
    const { app, refusals } = appOf();
    await using server = await startHttpServer(app, { host: '127.0.0.1', port: 0 });
    assert.equal((await fetch(`${server.url}/things/1`)).status, 401);
    const peer = new Peer(`${server.url.replace('http', 'ws')}/ws/1`);
    const status = await new Promise((resolve) => {
      peer.on('unexpected-response', (_, answer) => {
        resolve(answer.statusCode);
        peer.terminate();
      });
      peer.on('error', () => {});
    });
    assert.equal(status, 401);
    assert.deepEqual(
      refusals.map(({ remoteAddress, route }) => [remoteAddress, route.path]),
      [
        ['127.0.0.1', '/things/{id}'],
        ['127.0.0.1', '/ws/{id}'],
      ],
    );
  });
});
