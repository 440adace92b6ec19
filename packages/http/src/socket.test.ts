import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { describe, it, mock } from 'node:test';
import { defineRoute, ErrorBody, type Role } from '@reeve/contract';
import type { Db } from '@reeve/db';
import { ReeveError, silentLog } from '@reeve/kit';
import { WebSocket as Peer, type ClientOptions } from 'ws';
import { z } from 'zod';
import { createApp } from './app.ts';
import { startHttpServer } from './server.ts';
import { FRAME_LIMIT, type Connection, type Served } from './socket.ts';

const talk = defineRoute({
  method: 'GET',
  path: '/ws/{room}',
  tag: 'X',
  summary: 'x',
  access: 'member',
  params: z.strictObject({ room: z.string().max(5) }),
  query: z.strictObject({ after: z.coerce.number().int().optional() }),
  responses: { 101: null },
  frames: z.unknown(),
});
const plain = defineRoute({
  method: 'GET',
  path: '/plain',
  tag: 'X',
  summary: 'x',
  access: 'public',
  responses: { 200: z.unknown() },
});

const local = { host: '127.0.0.1', port: 0 };
const KEY = 'rv_right';
const keyed = { headers: { 'x-api-key': KEY } };

async function startServer(
  serve: (connection: Connection) => Promise<void>,
  { stopping = new AbortController().signal, role = 'admin' }: { stopping?: AbortSignal; role?: Role } = {},
) {
  const app = createApp({
    service: 'test',
    log: silentLog,
    stopping,
    db: undefined as unknown as Db,
    authenticate: async (header) => {
      if (header('x-api-key') !== KEY) throw new ReeveError('unauthenticated', 'no');
      return { tenantId: 'default', userId: 'ada', role, via: 'api_key' };
    },
  });
  app.mountSocket(talk, async ({ params, query }): Promise<Served> => {
    if (params.room === 'none') throw new ReeveError('not_found', 'there is no such room');
    return { ack: { room: params.room, after: query.after ?? null }, serve };
  });
  app.mount(plain, async () => ({ plain: true }));
  return startHttpServer(app, local);
}

const idle = ({ signal }: Connection) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
const addressOf = (url: string, path = '/ws/a') => `${url.replace('http', 'ws')}${path}`;

/** A peer whose frames and end can be awaited. */
function join(url: string, options: ClientOptions = keyed, path?: string, protocols: string[] = []) {
  const socket = new Peer(addressOf(url, path), protocols, options);
  const frames: { event: string; data: Record<string, unknown> }[] = [];
  socket.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString()) as (typeof frames)[number]));
  const closed = once(socket, 'close') as Promise<[number, Buffer]>;
  return {
    socket,
    frames,
    closed,
    opened: once(socket, 'open'),
    async frame(number: number) {
      while (frames.length < number) await once(socket, 'message');
      return frames[number - 1]!;
    },
  };
}

/** What is answered where no WebSocket is opened. */
function refusal(
  url: string,
  headers: Record<string, string>,
  path = '/ws/a',
): Promise<{ status: number; body: ErrorBody }> {
  return new Promise((resolve, reject) => {
    const asked = request(`${url}${path}`, {
      headers: {
        upgrade: 'websocket',
        connection: 'Upgrade',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        ...headers,
      },
    });
    asked.on('response', (answer) => {
      let text = '';
      answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
      answer.on('end', () => {
        const body = ErrorBody.parse(JSON.parse(text));
        assert.equal(answer.headers['x-request-id'], body.request_id);
        resolve({ status: answer.statusCode ?? 0, body });
      });
    });
    asked.on('upgrade', (_, socket) => {
      socket.destroy();
      reject(new Error('it was opened'));
    });
    asked.on('error', reject);
    asked.end();
  });
}

describe('a WebSocket', { timeout: 30_000 }, () => {
  it('cuts off a peer that answers no ping', async () => {
    mock.timers.enable({ apis: ['setInterval'] });
    try {
      await using server = await startServer(idle);
      const alive = join(server.url);
      await alive.frame(1);
      const dead = connect(Number(new URL(server.url).port), '127.0.0.1');
      dead.write(
        `GET /ws/a HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: ${KEY}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      );
      const over = once(dead, 'close');
      await once(dead, 'data');
      dead.resume();
      mock.timers.tick(15_000);
      await once(alive.socket, 'ping');
      alive.socket.ping();
      await once(alive.socket, 'pong');
      mock.timers.tick(15_000);
      await over;
      assert.equal(alive.socket.readyState, Peer.OPEN);
      alive.socket.close();
    } finally {
      mock.timers.reset();
    }
  });

  it('says first which request it is, then what its handler sends, and closes when that is done', async () => {
    await using server = await startServer(async ({ send }) => send('thing', { name: 'ä' }));
    const peer = join(
      server.url,
      { headers: { 'x-api-key': KEY, 'x-request-id': 'r-1', 'x-trace-id': 't-1' } },
      '/ws/b?after=7',
    );
    const [answer] = (await once(peer.socket, 'upgrade')) as [{ headers: Record<string, string> }];
    assert.deepEqual([answer.headers['x-request-id'], answer.headers['x-trace-id']], ['r-1', 't-1']);
    assert.equal((await peer.closed)[0], 1000);
    assert.deepEqual(peer.frames, [
      { event: 'ack', data: { request_id: 'r-1', trace_id: 't-1', room: 'b', after: 7 } },
      { event: 'thing', data: { name: 'ä' } },
    ]);
  });

  it('opens for a page, which can give its key as a subprotocol only', async () => {
    await using server = await startServer(idle);
    const page = new WebSocket(addressOf(server.url), ['reeve', `reeve.key.${KEY}`]);
    const first = await new Promise<MessageEvent>((resolve, reject) => {
      page.addEventListener('message', resolve, { once: true });
      page.addEventListener('error', () => reject(new Error('not opened')), { once: true });
    });
    assert.equal((JSON.parse(String(first.data)) as { event: string }).event, 'ack');
    assert.equal(page.protocol, 'reeve');
    page.close();
    const { status, body } = await refusal(server.url, { 'sec-websocket-protocol': `reeve.key.${KEY}` });
    assert.deepEqual([status, body.code], [400, 'invalid_request']);
  });

  it('is refused in plain HTTP: to strangers, the weak, the mistaken, and pages of other origins', async () => {
    await using server = await startServer(idle);
    const { host } = new URL(server.url);
    const key = { 'x-api-key': KEY };
    for (const [headers, path, status, code] of [
      [{}, '/ws/a', 401, 'unauthenticated'],
      [{ 'x-api-key': 'rv_wrong' }, '/ws/a', 401, 'unauthenticated'],
      [{ 'sec-websocket-protocol': 'reeve, reeve.key.rv_wrong' }, '/ws/a', 401, 'unauthenticated'],
      [key, '/ws/toolong', 400, 'invalid_request'],
      [key, '/ws/a?after=x', 400, 'invalid_request'],
      [key, '/ws/none', 404, 'not_found'],
      [key, '/ws/a/b', 404, 'not_found'],
      [{ ...key, 'sec-websocket-key': 'short' }, '/ws/a', 400, 'invalid_request'],
      [{ ...key, 'sec-websocket-version': '7' }, '/ws/a', 400, 'invalid_request'],
      [{ ...key, host: 'a b' }, '/ws/a', 400, 'invalid_request'],
      [{ ...key, origin: 'https://evil.example' }, '/ws/a', 403, 'forbidden'],
      [{ ...key, origin: 'null' }, '/ws/a', 403, 'forbidden'],
      [{ ...key, origin: 'http://127.0.0.1:1' }, '/ws/a', 403, 'forbidden'],
      [{ ...key, origin: `http://${host}.evil.example` }, '/ws/a', 403, 'forbidden'],
    ] as const) {
      const answer = await refusal(server.url, headers, path);
      assert.deepEqual([answer.status, answer.body.code], [status, code], `${JSON.stringify(headers)} ${path}`);
    }
    const own = join(server.url, { headers: { ...key, origin: `http://${host}` } });
    assert.equal((await own.frame(1)).event, 'ack');
    own.socket.close();
    await using weak = await startServer(idle, { role: 'viewer' });
    assert.equal((await refusal(weak.url, key)).status, 403);
  });

  it('leaves requests that ask for something else to HTTP', async () => {
    await using server = await startServer(idle);
    const unasked = await fetch(`${server.url}/ws/a`, keyed);
    assert.deepEqual([unasked.status, ErrorBody.parse(await unasked.json()).code], [400, 'invalid_request']);
    for (const upgrade of ['h2c', 'websocket']) {
      const asked = request(`${server.url}/plain`, { headers: { upgrade, connection: 'Upgrade' } }).end();
      const [answer] = (await once(asked, 'response')) as [{ statusCode: number; resume(): void }];
      assert.equal(answer.statusCode, 200);
      answer.resume();
    }
  });

  it('hears what its peer says, in order, and answers what is no JSON with an error', async () => {
    await using server = await startServer(async (connection) => {
      for await (const frame of connection.frames()) await connection.send('echo', frame);
    });
    const { socket, frames, frame, opened } = join(server.url);
    await opened;
    for (const text of ['{"a":1}', 'null', 'no json', '[2]']) socket.send(text);
    socket.send(Buffer.from([1]));
    await frame(6);
    const of = (event: string) => frames.filter((one) => one.event === event).map(({ data }) => data);
    assert.deepEqual(of('echo'), [{ a: 1 }, null, [2]]);
    assert.deepEqual(
      of('error').map(({ code }) => code),
      ['invalid_request', 'invalid_request'],
    );
    socket.close();
  });

  it('ignores what its peer says where nobody listens', async () => {
    await using server = await startServer(idle);
    const { socket, frames, opened } = join(server.url);
    await opened;
    for (let i = 0; i < 500; i++) socket.send(`{"i":${i}}`);
    socket.ping();
    await once(socket, 'pong');
    assert.deepEqual(
      frames.map(({ event }) => event),
      ['ack'],
    );
    socket.close();
  });

  it('bounds what its peer may say', async () => {
    await using server = await startServer(async (connection) => {
      const frames = connection.frames();
      await idle(connection);
      await frames.return();
    });
    const big = join(server.url);
    await big.opened;
    big.socket.send('x'.repeat(FRAME_LIMIT + 1));
    assert.equal((await big.closed)[0], 1009);
    const many = join(server.url);
    await many.opened;
    for (let i = 0; i < 200; i++) many.socket.send('1');
    assert.equal((await many.closed)[0], 1008);
  });

  it('ends its work when the peer goes away', async () => {
    const { promise: ended, resolve } = Promise.withResolvers<boolean>();
    await using server = await startServer(async (connection) => {
      await idle(connection);
      resolve(connection.signal.aborted);
    });
    const peer = join(server.url);
    await peer.frame(1);
    peer.socket.terminate();
    assert.equal(await ended, true);
  });

  it('tells its peer what went wrong, and of what went wrong inside only that it did', async () => {
    for (const [thrown, code, told] of [
      [new ReeveError('conflict', 'taken'), 'conflict', /^taken$/],
      [new Error('secret'), 'internal', /^something went wrong inside/],
    ] as const) {
      await using server = await startServer(async () => Promise.reject(thrown));
      const peer = join(server.url);
      assert.equal((await peer.closed)[0], 1011);
      const { event, data } = peer.frames[1]!;
      assert.deepEqual([event, data['code']], ['error', code]);
      assert.match(String(data['error']), told);
    }
  });

  it('takes as much as a peer reads, and closes one that does not with 1013', async () => {
    const chunk = 'x'.repeat(100_000);
    let sent = 0;
    await using server = await startServer(async ({ send, signal }) => {
      for (sent = 0; sent < 400 && !signal.aborted; sent++) await send('thing', chunk);
    });
    const reader = join(server.url);
    assert.equal((await reader.closed)[0], 1000);
    assert.equal(reader.frames.length, 401);

    const sleeper = join(server.url);
    await sleeper.frame(1);
    sleeper.socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    assert.ok(sent < 400, `${sent} frames sent`);
    sleeper.socket.resume();
    assert.equal((await sleeper.closed)[0], 1013);
  });

  it('is closed with 1012 when the server stops, which takes no time', async () => {
    const stopping = new AbortController();
    const server = await startServer(idle, { stopping: stopping.signal });
    const first = join(server.url);
    await first.frame(1);
    const startedAt = performance.now();
    stopping.abort();
    assert.equal((await first.closed)[0], 1012);
    const late = join(server.url);
    assert.equal((await late.closed)[0], 1012);
    await server[Symbol.asyncDispose]();
    assert.ok(performance.now() - startedAt < 4_000);

    const other = await startServer(idle);
    const peer = join(other.url);
    await peer.frame(1);
    await other[Symbol.asyncDispose]();
    assert.equal((await peer.closed)[0], 1012);
  });
});
