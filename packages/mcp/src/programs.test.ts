import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Database } from '@reeve/db';
import { createApp, createOutgoing, type App, type Outgoing } from '@reeve/http';
import { ReeveError, silentLog } from '@reeve/kit';
import { createQuota, createWorkspaces, openSandbox, type Egress } from '@reeve/sandbox';
import { openTestDatabase } from '@reeve/testing';
import { createToolRegistry, type ToolContext } from '@reeve/tools';
import { mountMcpServers } from './routes.ts';
import { openMcpServers, type McpServers } from './servers-open.ts';

const sandbox = await openSandbox({ sandboxBackend: 'auto' }, silentLog);
await sandbox.whenProbed();
after(() => sandbox[Symbol.asyncDispose]());
const skip = sandbox.unavailable('node') ?? false;

/** What programs see as `/mcp`. */
const ROOT = join(import.meta.dirname, '../../..');
const PROGRAM = '/mcp/packages/testing/src/mcp-program.ts';
const EVERYTHING = '/mcp/node_modules/@modelcontextprotocol/server-everything/dist/index.js';
const KEY = 's3cr3t-of-this-test';
const config = { circuitFailureThreshold: 3, circuitResetTimeoutSeconds: 60 };

describe('MCP servers that are programs', { skip, timeout: 240_000 }, () => {
  let database: Database;
  let base: string;
  let outgoing: Outgoing;
  let servers: McpServers;
  let app: App;
  let asked: string[] = [];
  let egress: Egress | undefined;
  const stack = new AsyncDisposableStack();

  before(async () => {
    base = await mkdtemp(join(tmpdir(), 'reeve-mcp-'));
    stack.defer(() => rm(base, { recursive: true, force: true }));
    database = stack.use(await openTestDatabase());
    outgoing = stack.use(createOutgoing({ allowPrivate: false }));
    const programs = {
      sandbox,
      directory: ROOT,
      workspaces: createWorkspaces(base, createQuota({ workspaceQuotaMb: 64 })),
      egressOf: async ({ name }: { name: string }) => {
        asked.push(name);
        return egress;
      },
    };
    servers = stack.use(openMcpServers({ database, outgoing, programs, config, log: silentLog, version: '1' }));
    const authenticate = async () =>
      ({ tenantId: 'default', userId: 'ada', role: 'operator', via: 'api_key' }) as const;
    const stopping = new AbortController().signal;
    app = createApp({ service: 'test', authenticate, db: database.db, log: silentLog, stopping });
    mountMcpServers(app, database, servers);
  });
  after(() => stack.disposeAsync());
  afterEach(async () => {
    for (const { id } of (await send('GET', '?limit=200')).body.servers) await send('DELETE', `/${id}`);
    [asked, egress] = [[], undefined];
  });

  async function send(method: string, to = '', body?: unknown) {
    const response = await app.fetch(
      new Request(`http://127.0.0.1/api/v1/mcp/servers${to}`, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    );
    // eslint-disable-next-line typescript/no-explicit-any
    return { status: response.status, body: (response.status === 204 ? null : await response.json()) as any };
  }
  const add = (more: object = {}) =>
    send('POST', '', { name: 'lab', transport: 'stdio', command: 'node', args: [PROGRAM], ...more });
  async function call(name: string, args: unknown = {}, signal = new AbortController().signal) {
    const web = { outgoing, configured: outgoing };
    const registry = createToolRegistry({ sandbox, web, config, log: silentLog }).with(
      await servers.toolsOf('default'),
    );
    return registry.execute(name, args, { signal } as ToolContext);
  }
  async function until(holds: () => Promise<boolean>) {
    for (const end = Date.now() + 20_000; !(await holds()); await new Promise((resolve) => setTimeout(resolve, 50)))
      assert.ok(Date.now() < end, 'it never came');
  }

  for (const [args, revision] of [
    [[PROGRAM], '2026-07-28'],
    [[PROGRAM, '--old'], '2025-11-25'],
  ] as const)
    it(`offer their tools and are called, ${revision}`, async () => {
      const made = await add({ args });
      assert.deepEqual([made.status, made.body.last_error], [201, null], JSON.stringify(made.body));
      assert.deepEqual(
        [made.body.transport, made.body.url, made.body.command, made.body.args, made.body.protocol_version],
        ['stdio', null, 'node', args, revision],
      );
      assert.equal(made.body.tool_count, 9);
      assert.deepEqual((await call('mcp__lab__put', { value: 7 })).result, { value: 7 });
      assert.deepEqual((await call('mcp__lab__fail')).result, { error: 'no luck' });
      const both = await Promise.all([
        call('mcp__lab__wait', { ms: 300 }),
        call('mcp__lab__put', { value: 'no number' }),
      ]);
      assert.deepEqual(
        both.map(({ tool_status: status }) => status),
        ['success', 'error'],
      );
      assert.deepEqual(asked[0], 'lab');
    });

  it('of the protocol’s own makers run as they are', async () => {
    const made = await add({ name: 'everything', args: [EVERYTHING, 'stdio'] });
    assert.deepEqual([made.body.last_error, made.body.protocol_version], [null, '2025-11-25']);
    assert.ok(made.body.tool_count >= 8, String(made.body.tool_count));
    assert.equal((await call('mcp__everything__echo', { message: 'grüße' })).result, 'Echo: grüße');
    assert.match(JSON.stringify((await call('mcp__everything__get-sum', { a: 2, b: 40 })).result), /42/);
    assert.equal((await call('mcp__everything__echo', {})).tool_status, 'error');
  });

  it('are given variables, which nobody is shown and which go to no other program', async () => {
    const { body } = await add({ env: { KEY, REGION: 'east' } });
    assert.deepEqual(body.env, { KEY: '***', REGION: '***' });
    assert.equal((await call('mcp__lab__variable', { name: 'REGION' })).result, 'it is east');
    assert.equal((await call('mcp__lab__variable', { name: 'KEY' })).result, 'it is ***');
    assert.equal((await call('mcp__lab__variable', { name: 'REEVE_TEST_DATABASE_URL' })).result, 'it is undefined');
    const died = await call('mcp__lab__die');
    assert.equal(died.tool_status, 'error');
    assert.match(JSON.stringify(died.result), /the program node ended: the command exited with 9: dying with \*\*\*/);

    const kept = await send('PATCH', `/${body.id}`, { env: { KEY: '***', REGION: null } });
    assert.deepEqual(kept.body.env, { KEY: '***' });
    assert.equal((await call('mcp__lab__variable', { name: 'KEY' })).result, 'it is ***');
    const path = async (patch: object) => {
      const answer = await send('PATCH', `/${body.id}`, patch);
      return [answer.status, answer.body.details?.[0]?.path];
    };
    assert.deepEqual(await path({ args: ['-e', ''], env: { KEY: '***' } }), [400, 'env.KEY']);
    assert.deepEqual(await path({ url: 'http://a.example/' }), [400, 'url']);
    assert.deepEqual(await path({ transport: 'http' }), [400, 'transport']);
    const other = await send('PATCH', `/${body.id}`, { args: [PROGRAM, '--old'] });
    assert.deepEqual([other.body.env, other.body.protocol_version], [{}, '2025-11-25']);
    const stored = await database.db.selectFrom('audit').select('details').execute();
    assert.ok(stored.length >= 3 && !JSON.stringify(stored).includes(KEY));
  });

  it('are started again where they end, and keep their files until they are removed', async () => {
    const { body } = await add();
    assert.equal((await call('mcp__lab__count')).result, '1');
    const waiting = call('mcp__lab__wait', { ms: 20_000 });
    await call('mcp__lab__put', { value: 1 });
    assert.equal((await call('mcp__lab__die')).tool_status, 'error');
    assert.equal((await waiting).tool_status, 'error', 'who waits for one that has died is told');
    assert.equal((await call('mcp__lab__count')).result, '2');
    assert.deepEqual(await readdir(join(base, 'default')), [body.id]);
    await send('DELETE', `/${body.id}`);
    await until(async () => (await readdir(join(base, 'default'))).length === 0);
  });

  it('that cannot be started say why, and one that says too much or nothing hurts no other', async () => {
    const missing = await add({ command: 'no-such-program' });
    assert.match(
      missing.body.last_error,
      /the program no-such-program ended: the command exited with 127: .*not found/s,
    );
    const flood = await add({ name: 'flood', command: 'yes', args: ['x'.repeat(4_000)] });
    assert.match(flood.body.last_error, /the program yes says more than 32 MiB without being asked/);
    const broken = await add({ name: 'broken', command: 'yes', args: ['{"jsonrpc":'] });
    assert.match(broken.body.last_error, /the program yes says more than 100 lines that are no messages of MCP/);
    const chatter = await add({ name: 'chatter', command: 'yes', args: ['{"jsonrpc":"2.0","method":"a"}'] });
    assert.match(chatter.body.last_error, /the program yes says more than 10000 messages without being asked/);
    const lines = await add({ name: 'endless', command: 'cat', args: ['/dev/zero'] });
    assert.match(lines.body.last_error, /the program cat says more than 8 MiB in one message/);
    const words = await add({ name: 'words', args: ['-e', 'console.log("hello"); await import("' + PROGRAM + '")'] });
    assert.deepEqual([words.body.last_error, words.body.tool_count], [null, 9]);
    const quotes = await add({ name: 'quotes', args: ['-e', `console.error("it's $HOME \`id\`"); process.exit(4)`] });
    assert.match(quotes.body.last_error, /exited with 4: it's \$HOME `id`$/);
    assert.equal((await call('mcp__words__put', { value: 1 })).tool_status, 'success');
  });

  it('die with the connection, also those that do not want to', async () => {
    const { body } = await add({
      args: ['-e', `process.on("SIGTERM", () => 0); setInterval(() => 0, 1000); await import("${PROGRAM}")`],
    });
    assert.equal(body.last_error, null);
    const startedAt = performance.now();
    await send('DELETE', `/${body.id}`);
    await until(async () => (await readdir(join(base, 'default'))).length === 0);
    assert.ok(performance.now() - startedAt < 15_000);
  });

  it('reach no network but what is open to them, by a proxy', async () => {
    const refused: string[] = [];
    egress = {
      hosts: ['open.example'],
      headersFor: () => undefined,
      connect: () => Promise.reject(new ReeveError('policy_denied', 'not there')),
      async record({ host, refused: why }) {
        refused.push(`${host} ${why ?? 'open'}`);
      },
    };
    const { body } = await add({
      args: [
        '-e',
        `const { request } = await import("node:http");
         const proxy = new URL(process.env.HTTPS_PROXY);
         for (const path of ["closed.example:443", "open.example:443"])
           await new Promise((resolve) => request({ host: proxy.hostname, port: proxy.port, method: "CONNECT", path })
             .on("connect", (_, socket) => resolve(socket.destroy())).on("error", resolve).end());
         await import("${PROGRAM}")`,
      ],
    });
    assert.deepEqual([body.last_error, body.tool_count], [null, 9]);
    assert.ok(
      refused.some((line) => line.startsWith('closed.example ') && !line.endsWith('open')),
      refused.join(),
    );
  });
});

describe('MCP servers that are programs, where the sandbox is elsewhere', () => {
  it('are told to be impossible', async () => {
    const { openRemote } = await import('./client.ts');
    const target = { transport: 'stdio', command: 'node', args: [], env: {} } as const;
    const server = { id: 'a', tenantId: 'default', name: 'lab', target, timeoutMs: 1_000 };
    await using nowhere = createOutgoing({ allowPrivate: false });
    const options = { outgoing: nowhere, programs: undefined, version: '1', stopping: new AbortController().signal };
    await assert.rejects(openRemote(server, options), { reason: 'unavailable', message: /SANDBOX_TARGET/ });
  });
});
