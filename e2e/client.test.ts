import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { ClientError, createClient } from '@reeve/client';
import { routes, type RunEvent } from '@reeve/contract';
import { createApp, EventStream, startHttpServer, type HttpServer } from '@reeve/http';
import { ReeveError, silentLog } from '@reeve/kit';

const RUN = '0190a6a0-0000-7000-8000-000000000000';
const local = { host: '127.0.0.1', port: 0 };
const eventOf = (seq: number): RunEvent => ({
  seq,
  run_id: RUN,
  timestamp: '2026-01-01T00:00:00Z',
  type: 'text',
  step: 1,
  delta: `line ${seq}\n`,
});

/** A real server whose runs have that many events, and which says what it was asked. */
async function startServer(total: number, pauseMs = 0) {
  const asked: number[] = [];
  const app = createApp({
    service: 'test',
    log: silentLog,
    stopping: new AbortController().signal,
    db: undefined as never,
    authenticate: async (header) => {
      if (header('authorization') !== 'Bearer rv_right') throw new ReeveError('unauthenticated', 'no');
      return { tenantId: 'default', userId: 'ada', role: 'admin', via: 'api_key' };
    },
  });
  app.mount(routes.streamRun, async ({ params, header }) => {
    if (params.id !== RUN) throw new ReeveError('not_found', 'there is no such run');
    const after = Number(header('last-event-id') ?? 0);
    asked.push(after);
    return new EventStream(async function* (signal) {
      for (let seq = after + 1; seq <= total && !signal.aborted; seq++) {
        if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
        yield { id: seq, data: eventOf(seq) };
      }
    });
  });
  app.mount(routes.createTask, async () => {
    throw new ReeveError('unknown_agent', 'there is no agent x', {
      details: [{ path: 'agent_id', message: 'is not an agent' }],
      runId: RUN,
    });
  });
  app.mount(routes.listTasks, async ({ query }) => ({ tasks: [], total: 0, limit: query.limit, offset: query.offset }));
  app.mount(routes.deleteAgent, async () => null);
  app.mount(routes.getMetrics, async () => 'metric 1\n');
  return Object.assign(await startHttpServer(app, local), { asked });
}

/** What stands between a client and its server: each of its connections is cut after so many bytes. */
async function startCutter(target: HttpServer, bytes: () => number) {
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const server = connect(Number(new URL(target.url).port), '127.0.0.1');
    let left = bytes();
    for (const socket of [client, server])
      sockets.add(socket.on('error', () => undefined).on('close', () => sockets.delete(socket)));
    client.pipe(server).on('close', () => client.destroy());
    server.on('data', (chunk) => {
      left -= chunk.length;
      if (left > 0) client.write(chunk);
      else client.end(chunk.subarray(0, chunk.length + left), () => client.destroy());
    });
    client.on('close', () => server.destroy());
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    url: `http://127.0.0.1:${(proxy.address() as { port: number }).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}

const clientOf = (baseUrl: string, apiKey = 'rv_right') => createClient({ baseUrl, apiKey });

describe('the client', () => {
  it('answers with the JSON of a route, its text where it gives text, and null for nothing', async () => {
    await using server = await startServer(0);
    const client = clientOf(`${server.url}/`);
    assert.deepEqual(await client.call(routes.listTasks, { query: { limit: 7, q: 'a&b=ü' } }), {
      tasks: [],
      total: 0,
      limit: 7,
      offset: 0,
    });
    assert.equal(await client.call(routes.deleteAgent, { params: { id: 'a' } }), null);
    assert.equal(await client.call(routes.getMetrics), 'metric 1\n');
  });

  it("throws the server's error with its reason, fields and ids", async () => {
    await using server = await startServer(0);
    const body = { agent_id: 'x', task_type: 'chat', title: 'x' };
    await assert.rejects(
      clientOf(server.url).call(routes.createTask, {
        body,
        headers: { 'x-request-id': 'order-7', 'x-trace-id': 'trace-7' },
      }),
      (error) => {
        assert.ok(error instanceof ClientError);
        const { status, code, message, details, requestId, traceId, runId } = error;
        assert.deepEqual(
          { status, code, message, details, requestId, traceId, runId },
          {
            status: 400,
            code: 'unknown_agent',
            message: 'there is no agent x',
            details: [{ path: 'agent_id', message: 'is not an agent' }],
            requestId: 'order-7',
            traceId: 'trace-7',
            runId: RUN,
          },
        );
        return true;
      },
    );
    await assert.rejects(clientOf(server.url, 'rv_wrong').call(routes.listTasks), {
      status: 401,
      code: 'unauthenticated',
    });
  });

  it('says that a server is out of reach, speaks no Reeve, or broke off', async () => {
    const server = await startServer(3);
    const gone = server.url;
    {
      await using cutter = await startCutter(server, () => 60);
      await assert.rejects(clientOf(cutter.url).call(routes.listTasks), { status: 0, code: 'unreachable' });
    }
    await server[Symbol.asyncDispose]();
    await assert.rejects(clientOf(gone).call(routes.listTasks), {
      name: 'ClientError',
      status: 0,
      code: 'unreachable',
      message: `no answer to GET ${gone}/api/agents/tasks`,
    });
    const answering = (text: string, status: number) =>
      createClient({ baseUrl: gone, fetch: async () => new Response(text, { status }) });
    await assert.rejects(answering('<html>', 502).call(routes.listTasks), { status: 502, code: 'internal' });
    await assert.rejects(answering('<html>', 200).call(routes.listTasks), { status: 200, code: 'internal' });
  });

  it('throws what the caller aborted with', async () => {
    await using server = await startServer(1_000, 5);
    const abort = new AbortController();
    const reason = new Error('enough');
    const read = async () => {
      for await (const event of clientOf(server.url).followRun(RUN, { signal: abort.signal }))
        if (event.seq === 2) abort.abort(reason);
    };
    await assert.rejects(read(), reason);
    await assert.rejects(clientOf(server.url).call(routes.listTasks, { signal: abort.signal }), reason);
  });

  it('tells a stream that broke off from one that ended', async () => {
    await using server = await startServer(50);
    await using cutter = await startCutter(server, () => 1_500);
    const params = { id: RUN };
    const seen: number[] = [];
    for await (const { seq } of clientOf(server.url).stream(routes.streamRun, { params })) seen.push(seq);
    assert.equal(seen.length, 50);
    await assert.rejects(
      async () => {
        for await (const _ of clientOf(cutter.url).stream(routes.streamRun, { params }));
      },
      { name: 'ClientError', status: 0, code: 'unreachable', message: 'the stream broke off before its end' },
    );
  });

  it('follows a run through every cut, and gives each event exactly once', { timeout: 60_000 }, async () => {
    await using server = await startServer(60);
    let cut = 0;
    const lengths = [0, 100, 450, 701, 1_333, 2_000, 3_003];
    await using cutter = await startCutter(server, () => lengths[cut++] ?? 1e9);
    const seen: RunEvent[] = [];
    for await (const event of clientOf(cutter.url).followRun(RUN)) seen.push(event);
    assert.deepEqual(
      seen,
      Array.from({ length: 60 }, (_, index) => eventOf(index + 1)),
    );
    assert.ok(server.asked.length >= 5, `it came back ${server.asked.length} times`);
    assert.deepEqual(
      server.asked,
      server.asked.toSorted((a, b) => a - b),
      'each time after the last event it had',
    );
  });

  it('begins after the event it is told, and goes on from there after a cut', async () => {
    await using server = await startServer(5);
    let cut = 0;
    await using cutter = await startCutter(server, () => (cut++ === 0 ? 10 : 1e9));
    const seen: number[] = [];
    for await (const { seq } of clientOf(cutter.url).followRun(RUN, { after: 3 })) seen.push(seq);
    assert.deepEqual(
      [seen, server.asked],
      [
        [4, 5],
        [3, 3],
      ],
    );
  });

  it('does not come back where the run is not there or the key is wrong', async () => {
    await using server = await startServer(1);
    const follow = async (key: string, id: string) => {
      for await (const _ of clientOf(server.url, key).followRun(id));
    };
    await assert.rejects(follow('rv_right', RUN.replace('0190', '0191')), { status: 404 });
    await assert.rejects(follow('rv_wrong', RUN), { status: 401 });
  });
});
