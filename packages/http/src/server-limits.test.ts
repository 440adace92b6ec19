import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { defineRoute, ErrorBody } from '@reeve/contract';
import type { Db } from '@reeve/db';
import { silentLog, sleep } from '@reeve/kit';
import { WebSocket as Peer } from 'ws';
import { z } from 'zod';
import { createApp } from './app.ts';
import { startHttpServer } from './server.ts';
import { SERVER_LIMITS, type ServerLimits } from './server-limits.ts';
import { EventStream } from './sse.ts';

const base = { tag: 'X', summary: 'x', access: 'public' } as const;
const plain = defineRoute({ ...base, method: 'GET', path: '/plain', responses: { 200: z.unknown() } });
const take = defineRoute({
  ...base,
  method: 'POST',
  path: '/take',
  body: z.unknown(),
  responses: { 200: z.unknown() },
});
const held = defineRoute({ ...base, method: 'GET', path: '/held', responses: { 200: z.unknown() } });
const streamed = defineRoute({ ...plain, path: '/streamed', events: z.unknown(), produces: 'text/event-stream' });
const talk = defineRoute({ ...base, method: 'GET', path: '/ws', responses: { 101: null }, frames: z.unknown() });

async function start(limits: Partial<ServerLimits> = {}) {
  const gate = Promise.withResolvers<void>();
  let begun = 0;
  const app = createApp({
    service: 'test',
    log: silentLog,
    db: undefined as unknown as Db,
    stopping: new AbortController().signal,
    authenticate: () => Promise.reject(new Error('nobody is asked')),
  });
  app.mount(plain, async () => ({ plain: true }));
  app.mount(take, async ({ body }) => ({ got: body }));
  app.mount(held, async () => {
    begun += 1;
    await gate.promise;
    return {};
  });
  app.mount(
    streamed,
    async () =>
      new EventStream(async function* () {
        for (let id = 1; id <= 4; id++) {
          await sleep(150);
          yield { id, data: id };
        }
      }),
  );
  app.mountSocket(talk, async () => ({
    serve: async ({ send, frames }) => {
      for await (const frame of frames()) await send('echo', frame);
    },
  }));
  const server = await startHttpServer(app, { host: '127.0.0.1', port: 0 }, { ...SERVER_LIMITS, ...limits });
  return { ...server, url: server.url, port: Number(new URL(server.url).port), gate, begun: () => begun };
}

/** All that a server answers to these parts, 40 ms apart, until it closes the connection, and how long that took. */
async function raw(port: number, parts: Iterable<string>): Promise<{ text: string; ms: number }> {
  const socket: Socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  socket.on('error', () => undefined);
  const startedAt = performance.now();
  const closed = new Promise((resolve) => socket.once('close', resolve));
  for (const part of parts) {
    if (socket.destroyed) break;
    socket.write(part);
    await sleep(40);
  }
  await closed;
  return { text, ms: performance.now() - startedAt };
}
function* slowly(text: string) {
  yield* text;
}
const errorOf = (text: string) => ErrorBody.parse(JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)));
const GET = 'GET /plain HTTP/1.1\r\nHost: x\r\n';

describe('a connection', { timeout: 60_000 }, () => {
  it('whose headers or body come too slowly is told so and cut off', async () => {
    await using server = await start({ headersMs: 200, requestMs: 400, checkMs: 50 });
    const headers = await raw(server.port, slowly(`${GET}X-Slow: ${'a'.repeat(1_000)}`));
    assert.match(headers.text, /^HTTP\/1\.1 408 /);
    assert.equal(errorOf(headers.text).code, 'timeout');
    assert.ok(headers.ms < 1_500, `${headers.ms} ms`);
    const post = 'POST /take HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n';
    const body = await raw(server.port, [post, ...slowly('1'.repeat(900))]);
    assert.ok(body.ms < 2_000, `${body.ms} ms`);
    assert.doesNotMatch(body.text, /^HTTP\/1\.1 200/);
  });

  it('that has been answered and goes on may last as long as it likes: streams and WebSockets', async () => {
    await using server = await start({ headersMs: 100, requestMs: 150, idleMs: 100, checkMs: 30 });
    const stream = await (await fetch(`${server.url}/streamed`)).text();
    assert.match(stream, /id: 4\n.*\[DONE\]/s);
    const peer = new Peer(`${server.url.replace('http', 'ws')}/ws`);
    await once(peer, 'open');
    await sleep(500);
    peer.send('{"still":"here"}');
    const frames: string[] = [];
    peer.on('message', (data: Buffer) => frames.push(data.toString()));
    while (!frames.some((frame) => frame.includes('still'))) await sleep(10);
    peer.terminate();
  });

  it('with too many or too large headers, or too long an address, is refused in the shape of the contract', async () => {
    await using server = await start({ headerBytes: 4_096, urlBytes: 200, headers: 10 });
    for (const [status, request] of [
      [431, `${GET}X-Large: ${'a'.repeat(5_000)}\r\n\r\n`],
      [431, `GET /${'a'.repeat(5_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
      [431, `${GET}${Array.from({ length: 11 }, (_, n) => `X-${n}: 1\r\n`).join('')}\r\n`],
      [414, `GET /plain?${'a'.repeat(200)} HTTP/1.1\r\nHost: x\r\n\r\n`],
      [400, 'nonsense\r\n\r\n'],
      [400, 'GET /plain HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
      [400, 'GET /plain HTTP/1.1\r\nHost: x\r\nX: a\u0000b\r\n\r\n'],
      [400, 'GET /plain HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ] as const) {
      const { text } = await raw(server.port, [request]);
      assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `), request.slice(0, 80));
      assert.equal(errorOf(text).code, 'invalid_request');
      for (const name of ['x-request-id', 'x-content-type-options', 'content-security-policy'])
        assert.match(text.toLowerCase(), new RegExp(`\r\n${name}: `));
    }
    const within = await raw(server.port, [`${GET}Connection: close\r\n${'X: 1\r\n'.repeat(8)}\r\n`]);
    assert.match(within.text, /^HTTP\/1\.1 200 /);
  });

  it('that asks and asks without waiting for answers is cut off, and nobody else is', async () => {
    await using server = await start({ pipelined: 4 });
    const ask = 'GET /held HTTP/1.1\r\nHost: x\r\n\r\n';
    const { text } = await raw(server.port, [ask.repeat(50)]);
    assert.equal(text, '');
    assert.equal(server.begun(), 4);
    server.gate.resolve();
    const few = await raw(server.port, [
      GET.replace('/plain', '/held').concat('\r\n').repeat(3),
      `${GET}Connection: close\r\n\r\n`,
    ]);
    assert.equal(few.text.match(/HTTP\/1\.1 200/g)?.length, 4);
    const many = `${GET}\r\n`;
    const inTurn = await raw(server.port, [
      ...Array.from({ length: 9 }, () => many),
      `${GET}Connection: close\r\n\r\n`,
    ]);
    assert.equal(inTurn.text.match(/HTTP\/1\.1 200/g)?.length, 10, 'those that wait for their answers are no abuse');
  });

  it('too many at once is closed, and there is room again when one has gone', async () => {
    await using server = await start({ connections: 2 });
    const sockets = [0, 1].map(() => connect(server.port, '127.0.0.1'));
    for (const socket of sockets) {
      socket.on('error', () => undefined);
      await once(socket, 'connect');
    }
    const third = await raw(server.port, [`${GET}\r\n`]);
    assert.equal(third.text, '');
    for (const socket of sockets) socket.destroy();
    for (;;) {
      const again = await raw(server.port, [`${GET}Connection: close\r\n\r\n`]);
      if (again.text.startsWith('HTTP/1.1 200')) break;
    }
  });
});
