import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { routes } from '@reeve/contract';
import { createOutgoing, type Outgoing } from '@reeve/http';
import { newId, ReeveError } from '@reeve/kit';
import { startMcpServer, type TestMcpServer } from '@reeve/testing';
import { createConnection, type Connection } from './connection.ts';
import type { RemoteTool } from './server.ts';

type Open = Outgoing['open'];

const named = (name: string): RemoteTool => ({ name, description: '', effect: 'none', input_schema: {} });

describe('a connection to an MCP server', { timeout: 60_000 }, () => {
  let outgoing: Outgoing;
  before(() => void (outgoing = createOutgoing({ allowPrivate: ['127.0.0.1'] })));
  after(() => outgoing[Symbol.asyncDispose]());

  /** `instead` may answer a request in the server's place. */
  function connect(
    remote: TestMcpServer,
    instead: (method: string, params: { name?: string }, id: unknown) => Awaited<ReturnType<Open>> | undefined = () =>
      undefined,
  ): Connection {
    const open: Open = async (url, request) => {
      const body = request?.body;
      const { method = '', params = {}, id } = typeof body === 'string' ? JSON.parse(body) : {};
      return instead(method, params, id) ?? outgoing.open(url, request);
    };
    const target = { transport: 'http', url: remote.url, headers: { 'X-Key': 's3cr3t-of-this-test' } } as const;
    return createConnection(
      { id: newId(), tenantId: 'default', name: 'lab', target, timeoutMs: 5_000 },
      {
        outgoing: { open },
        programs: () => Promise.reject(new Error('no program is needed')),
        version: '1',
        stopping: new AbortController().signal,
      },
    );
  }
  const answer = (status: number, body: object): Awaited<ReturnType<Open>> => ({
    status,
    headers: { 'content-type': 'application/json' },
    url: '',
    body: (async function* () {
      yield Buffer.from(JSON.stringify(body));
    })(),
  });
  const call = (connection: Connection, name: string, input: object = {}) =>
    connection.use((remote) => remote.call(named(name), { ...input }, new AbortController().signal));

  it('is opened anew where opening it met an answer of the protocol, so that a server that recovers is asked again', async () => {
    await using remote = await startMcpServer({ legacy: true });
    let isIll = true;
    await using connection = connect(remote, (_, __, id) =>
      isIll ? answer(200, { jsonrpc: '2.0', id, error: { code: -32_603, message: 'starting up' } }) : undefined,
    );
    await assert.rejects(call(connection, 'put', { value: 1 }), { reason: 'upstream_error' });
    isIll = false;
    assert.deepEqual((await call(connection, 'put', { value: 1 })).content, { value: 1 });
  });

  for (const legacy of [false, true])
    it(`lets other calls go on where one is answered badly, ${legacy ? '2025-11-25' : '2026-07-28'}`, async () => {
      await using remote = await startMcpServer({ legacy });
      await using connection = connect(remote, (method, { name }) => {
        if (method !== 'tools/call') return undefined;
        if (name === 'broken') throw new ReeveError('upstream_error', 'the connection broke');
        return name === 'busy' ? answer(429, {}) : undefined;
      });
      const waiting = call(connection, 'wait', { ms: 1_000 });
      while (!remote.seen.some(({ message }) => (message as { method?: string } | undefined)?.method === 'tools/call'))
        await new Promise((resolve) => setTimeout(resolve, 10));
      const opened = remote.seen.length;
      await assert.rejects(call(connection, 'busy'), /429/);
      assert.equal(remote.seen.length, opened);
      await assert.rejects(call(connection, 'broken'), /the connection broke/);
      assert.equal((await call(connection, 'put', { value: 1 })).status, 'success');
      assert.ok(remote.seen.length > opened + 1, 'the next call has a new connection');
      assert.equal((await waiting).content, 'waited');
    });

  it('tells what the protocol says against a call without what the server was sent', async () => {
    await using remote = await startMcpServer();
    await using connection = connect(remote);
    const { status, content } = await call(connection, 's3cr3t-of-this-test');
    assert.deepEqual([status, /\*\*\*/.test(JSON.stringify(content))], ['error', true]);
    assert.ok(!JSON.stringify(content).includes('s3cr3t'));
  });
});

describe('a message to Reeve as a server', () => {
  it('may have any string and any whole number for its id', () => {
    const read = (id: unknown) => routes.mcp.body!.safeParse({ jsonrpc: '2.0', id, method: 'ping' }).success;
    assert.deepEqual([-1, 0, 2 ** 40, '', 'x'.repeat(1_000)].map(read), [true, true, true, true, true]);
    assert.deepEqual(['x'.repeat(1_001), Infinity, null, {}].map(read), [false, false, false, false]);
  });
});
