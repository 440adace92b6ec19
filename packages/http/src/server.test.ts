import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { defineRoute, ErrorBody } from '@reeve/contract';
import type { Db } from '@reeve/db';
import { ReeveError, silentLog } from '@reeve/kit';
import { z } from 'zod';
import { createApp } from './app.ts';
import { startHttpServer } from './server.ts';
import { EventStream, type ServerEvent } from './sse.ts';

const stream = defineRoute({
  method: 'GET',
  path: '/stream',
  tag: 'X',
  summary: 'x',
  access: 'public',
  events: z.unknown(),
  responses: { 200: z.string() },
  produces: 'text/event-stream',
});
const take = defineRoute({
  method: 'POST',
  path: '/take',
  tag: 'X',
  summary: 'x',
  access: 'public',
  body: z.unknown(),
  responses: { 200: z.unknown() },
});

function appOf(events: (signal: AbortSignal) => AsyncIterable<ServerEvent>, stopping = new AbortController().signal) {
  const app = createApp({
    service: 'test',
    log: silentLog,
    stopping,
    db: undefined as unknown as Db,
    authenticate: async () => {
      throw new ReeveError('unauthenticated', 'nobody');
    },
  });
  app.mount(stream, async () => new EventStream(events));
  app.mount(take, async ({ body }) => ({ got: body }));
  return app;
}
const silent = async function* () {};
const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
const local = { host: '127.0.0.1', port: 0 };

/** What a server answers to these bytes, until it closes the connection. */
async function raw(url: string, text: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.end(text);
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk));
  await once(socket, 'close');
  return answer;
}

describe('the server', () => {
  it('ends the events of a reader that goes away', { timeout: 10_000 }, async () => {
    const { promise: ended, resolve } = Promise.withResolvers<boolean>();
    await using server = await startHttpServer(
      appOf(async function* (signal) {
        try {
          yield { id: 1, data: 1 };
          await untilAborted(signal);
        } finally {
          resolve(signal.aborted);
        }
      }),
      local,
    );
    const gone = new AbortController();
    const response = await fetch(`${server.url}/stream`, { signal: gone.signal });
    await response.body!.getReader().read();
    gone.abort();
    assert.equal(await ended, true);
  });

  it('ends streams without [DONE] and then stops, at once', { timeout: 10_000 }, async () => {
    const stopping = new AbortController();
    const server = await startHttpServer(
      appOf(async function* (signal) {
        yield { id: 1, data: 1 };
        await untilAborted(signal);
      }, stopping.signal),
      local,
    );
    const response = await fetch(`${server.url}/stream`);
    const startedAt = performance.now();
    const text = response.text();
    await new Promise((resolve) => setTimeout(resolve, 50));
    stopping.abort();
    await server[Symbol.asyncDispose]();
    assert.equal(await text, ': open\n\nid: 1\ndata: 1\n\n');
    assert.ok(performance.now() - startedAt < 4_000);
    await assert.rejects(fetch(`${server.url}/stream`));
  });

  it('waits for no connection that has sent nothing when it stops', { timeout: 4_000 }, async () => {
    const server = await startHttpServer(appOf(silent), local);
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    const closed = once(socket, 'close');
    await once(socket, 'connect');
    // Answered after the connection was taken.
    await (await fetch(`${server.url}/stream`)).text();
    await server[Symbol.asyncDispose]();
    await closed;
  });

  it('refuses a body that is too large while it comes, and goes on', { timeout: 20_000 }, async () => {
    await using server = await startHttpServer(appOf(silent), local);
    const headers = { 'content-type': 'application/json' };
    const chunked = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let i = 0; i < 32; i++) controller.enqueue(new Uint8Array(65_536).fill(0x20));
        controller.close();
      },
    });
    for (const body of [' '.repeat(2 * 1024 * 1024), chunked]) {
      const response = await fetch(`${server.url}/take`, {
        method: 'POST',
        body,
        headers,
        duplex: 'half',
      } as RequestInit);
      assert.equal(ErrorBody.parse(await response.json()).code, 'payload_too_large');
      assert.equal(response.status, 413);
      const after = await fetch(`${server.url}/take`, { method: 'POST', body: '[1]', headers });
      assert.deepEqual(await after.json(), { got: [1] });
    }
  });

  it('answers what is hardly HTTP with an error of the contract', { timeout: 10_000 }, async () => {
    await using server = await startHttpServer(appOf(silent), local);
    for (const request of [
      'GET / HTTP/1.1\r\nHost: a b\r\n',
      'GET /\\x HTTP/1.1\r\nHost: localhost\r\n',
      'GET ftp://x/ HTTP/1.1\r\nHost: localhost\r\n',
      'GET * HTTP/1.1\r\nHost: localhost\r\n',
    ]) {
      const answer = await raw(server.url, `${request}Connection: close\r\n\r\n`);
      const [head, body] = answer.split('\r\n\r\n');
      assert.match(head!, /^HTTP\/1\.1 40[04] /, answer);
      assert.match(head!, /x-request-id: \S+/i);
      ErrorBody.parse(JSON.parse(body!.slice(body!.indexOf('{'), body!.lastIndexOf('}') + 1)));
    }
    assert.match(await raw(server.url, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 /);
    assert.equal((await fetch(`${server.url}/nothing`)).status, 404);
  });

  it('says which port is in use', async () => {
    await using server = await startHttpServer(appOf(silent), local);
    const port = Number(new URL(server.url).port);
    await assert.rejects(startHttpServer(appOf(silent), { host: '127.0.0.1', port }), {
      reason: 'unavailable',
      message: `cannot listen on 127.0.0.1:${port}: the port is in use; choose another with --port`,
    });
  });
});
