// runs on: both databases
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
    const names = () => readdir(join(base, 'default')).catch(() => []);
    await until(async () => (await names()).length === 0);
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
    process.env['REEVE_PLANTED'] = 'canary';
    assert.equal((await call('mcp__lab__variable', { name: 'REEVE_PLANTED' })).result, 'it is undefined');
    delete process.env['REEVE_PLANTED'];
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
    assert.deepEqual(await path({ env: { KEY: '***', BASH_ENV: '$(echo $KEY | rev >&2)' } }), [400, 'env.KEY']);
    const spied = await send('PATCH', `/${body.id}`, { env: { BASH_ENV: '$(echo told $KEY >&2)' } });
    assert.deepEqual(spied.body.env, { BASH_ENV: '***' });
    assert.equal((await call('mcp__lab__variable', { name: 'KEY' })).result, 'it is undefined');
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
    const lost = await add({ name: 'lost', args: ['lost.mjs'] });
    assert.match(lost.body.last_error, /Cannot find module '\/workspace\/lost.mjs'/);
    const flood = await add({ name: 'flood', command: 'yes', args: ['x'.repeat(4_000)] });
    assert.match(flood.body.last_error, /the program yes says more than 32 MiB without being asked/);
    const broken = await add({ name: 'broken', command: 'yes', args: ['{"jsonrpc":'] });
    assert.match(broken.body.last_error, /the program yes says more than 100 lines that are not MCP messages/);
    const chatter = await add({ name: 'chatter', command: 'yes', args: ['{"jsonrpc":"2.0","method":"a"}'] });
    assert.match(chatter.body.last_error, /the program yes says more than 10000 messages without being asked/);
    const pinging = await add({
      name: 'pinging',
      args: [
        '-e',
        `process.stdin.on("data", (chunk) => {
           const { id, method } = JSON.parse(chunk);
           if (method === "server/discover") process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32601, message: "no" } }) + "\\n");
           if (method !== "initialize") return;
           const result = { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "p", version: "1" } };
           process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, result }) + "\\n");
           const ping = (JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }) + "\\n").repeat(500);
           const flood = () => process.stdout.write(ping, () => setImmediate(flood));
           process.stdin.removeAllListeners("data").resume();
           flood();
         })`,
      ],
    });
    assert.match(pinging.body.last_error, /says more than 10000 messages without being asked/);
    const long = 'x'.repeat(200);
    const cut = await add({
      name: 'cut',
      env: { LONG: long },
      args: ['-e', 'console.error(process.env.LONG + "y".repeat(200)); process.exit(5)'],
    });
    assert.match(cut.body.last_error, /exited with 5: \*\*\*y+$/);
    const lines = await add({ name: 'endless', command: 'cat', args: ['/dev/zero'] });
    assert.match(lines.body.last_error, /the program cat says more than 8 MiB in one message/);
    const words = await add({ name: 'words', args: ['-e', 'console.log("hello"); await import("' + PROGRAM + '")'] });
    assert.deepEqual([words.body.last_error, words.body.tool_count], [null, 9]);
    const quotes = await add({ name: 'quotes', args: ['-e', `console.error("it's $HOME \`id\`"); process.exit(4)`] });
    assert.match(quotes.body.last_error, /exited with 4: it's \$HOME `id`$/);
    assert.equal((await call('mcp__words__put', { value: 1 })).tool_status, 'success');
  });

  it('that are silent or slow when they are asked what they speak are asked as older ones are', async () => {
    const silent = await add({
      name: 'silent',
      args: [
        '-e',
        `await new Promise((resolve) => setTimeout(resolve, 6_000));
         const lines = (await import("node:readline")).createInterface({ input: process.stdin });
         lines.on("line", (line) => {
           const { id, method } = JSON.parse(line);
           const result = { initialize: { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "s", version: "1" } }, "tools/list": { tools: [{ name: "one", inputSchema: { type: "object" } }] } }[method];
           if (result !== undefined) console.log(JSON.stringify({ jsonrpc: "2.0", id, result }));
         })`,
      ],
    });
    assert.deepEqual(
      [silent.body.last_error, silent.body.protocol_version, silent.body.tool_count],
      [null, '2025-11-25', 1],
    );
  });

  it('have the network of the name that they have now', async () => {
    const { body } = await add();
    await send('PATCH', `/${body.id}`, { name: 'renamed' });
    assert.equal((await call('mcp__renamed__put', { value: 1 })).tool_status, 'success');
    assert.deepEqual([asked.at(0), asked.at(-1)], ['lab', 'renamed']);
  });

  it('that find no room fail without fault, and those that are removed are not started again', async () => {
    for (let n = 0; n < 8; n++) assert.equal((await add({ name: `n${n}` })).body.last_error, null);
    const full = await add({ name: 'full' });
    assert.match(full.body.last_error, /8 of your MCP servers run here already/);
    for (let n = 0; n < 4; n++) await send('POST', `/${full.body.id}/test`);
    assert.equal((await send('GET', `/${full.body.id}`)).body.breaker, 'closed');
    const tool = (await servers.toolsOf('default')).find(({ name }) => name === 'mcp__n0__put')!;
    const { servers: all } = (await send('GET', '?limit=200')).body;
    await send('DELETE', `/${all.find(({ name }: { name: string }) => name === 'n0').id}`);
    const context = { signal: new AbortController().signal } as ToolContext;
    await assert.rejects(async () => tool.execute({ value: 1 }, context), { message: /was removed/ });
    await until(async () => (await send('POST', `/${full.body.id}/test`)).body.ok);
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
      hosts: async () => ['open.example'],
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
