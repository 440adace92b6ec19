// runs on: both databases
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createServer as createSocketServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { McpServer, McpTest, McpTool } from '@reeve/contract';
import type { Database } from '@reeve/db';
import { createApp, createOutgoing, type App, type Outgoing } from '@reeve/http';
import { newId, silentLog } from '@reeve/kit';
import { createQuota, createWorkspacesElsewhere, openSandbox } from '@reeve/sandbox';
import { DRAWING, openTestDatabase, SOUND, startMcpServer } from '@reeve/testing';
import { createToolRegistry, type ToolContext } from '@reeve/tools';
import { createServer, requireServer } from './change.ts';
import type { ProgramHost } from './programs.ts';
import { mountMcpServers } from './routes.ts';
import { openMcpServers, type McpServers } from './servers-open.ts';

const SECRET = 'Bearer s3cr3t-of-this-test';
const config = { circuitFailureThreshold: 2, circuitResetTimeoutSeconds: 60 };

/** Those of these tests are all at an address. */
const programs: ProgramHost = {
  sandbox: { exec: () => Promise.reject(new Error('no program is needed')) },
  directory: '/nowhere',
  workspaces: createWorkspacesElsewhere('/nowhere'),
  egressOf: async () => undefined,
};
const pathOf = (content: string | Buffer, name: string) =>
  `attachments/${createHash('sha256').update(content).digest('hex').slice(0, 12)}/${name}`;
const isCall = (message: unknown) => (message as { method?: string } | undefined)?.method === 'tools/call';

describe('MCP servers', { timeout: 120_000 }, () => {
  let database: Database;
  let servers: McpServers;
  let outgoing: Outgoing;
  let app: App;
  let workspace: string;
  const quota = createQuota({ workspaceQuotaMb: 1 });
  const stack = new AsyncDisposableStack();

  before(async () => {
    database = stack.use(await openTestDatabase());
    workspace = await mkdtemp(join(tmpdir(), 'reeve-mcp-'));
    stack.defer(() => rm(workspace, { recursive: true }));
    outgoing = stack.use(createOutgoing({ allowPrivate: ['127.0.0.1'] }));
    servers = stack.use(openMcpServers({ database, outgoing, programs, config, log: silentLog, version: '1' }));
    app = createApp({
      service: 'test',
      authenticate: async (header) => ({
        tenantId: 'default',
        userId: 'ada',
        role: header('x-role') === 'viewer' ? 'viewer' : 'operator',
        via: 'api_key',
      }),
      db: database.db,
      log: silentLog,
      stopping: new AbortController().signal,
    });
    mountMcpServers(app, database, servers);
  });
  after(() => stack.disposeAsync());
  beforeEach(async () => {
    const { body } = await send('GET', '?limit=200');
    for (const { id } of body.servers) await send('DELETE', `/${id}`);
  });

  async function send(method: string, to = '', body?: unknown, headers: Record<string, string> = {}) {
    const response = await app.fetch(
      new Request(`http://127.0.0.1/api/v1/mcp/servers${to}`, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    );
    // eslint-disable-next-line typescript/no-explicit-any
    return { status: response.status, body: (response.status === 204 ? null : await response.json()) as any };
  }
  async function registry() {
    await using sandbox = await openSandbox({ sandboxBackend: 'quickjs' }, silentLog);
    const base = createToolRegistry({ sandbox, web: { outgoing, configured: outgoing }, config, log: silentLog });
    return base.with(await servers.toolsOf('default'));
  }
  async function call(
    name: string,
    args: unknown,
    signal = new AbortController().signal,
    place: Pick<ToolContext, 'workspace' | 'quota'> = { workspace, quota },
  ) {
    return (await registry()).execute(name, args, { signal, sessionId: 's', ...place } as ToolContext);
  }
  async function until(holds: () => boolean) {
    for (const end = Date.now() + 10_000; !holds(); await new Promise((resolve) => setTimeout(resolve, 10)))
      assert.ok(Date.now() < end, 'it never came');
  }
  const add = (url: string, more: object = {}) => send('POST', '', { name: 'lab', url, ...more });

  for (const legacy of [false, true]) {
    it(`offers the tools of a server that speaks ${legacy ? '2025-11-25' : '2026-07-28'}, and calls them`, async () => {
      await using remote = await startMcpServer({ legacy });
      const made = await add(remote.url, { headers: { Authorization: SECRET } });
      assert.equal(made.status, 201, JSON.stringify(made.body));
      assert.deepEqual(McpServer.parse(made.body), made.body);
      assert.deepEqual(
        [made.body.protocol_version, made.body.server_name, made.body.tool_count, made.body.last_error],
        [legacy ? '2025-11-25' : '2026-07-28', 'test-server', 6, null],
      );
      assert.ok(remote.seen.every(({ headers }) => headers.get('authorization') === SECRET));
      const page = await send('GET', `/${made.body.id}/tools?limit=2`);
      assert.deepEqual(
        page.body.tools.map((tool: unknown) => McpTool.parse(tool)).map(({ name, effect }: McpTool) => [name, effect]),
        [
          ['mcp__lab__read_thing_' + page.body.tools[0].name.slice(-8), 'none'],
          ['mcp__lab__put', 'idempotent'],
        ],
      );
      assert.equal(page.body.total, 6);
      const tools = (await registry()).list().filter(({ source }) => source === 'mcp:lab');
      assert.deepEqual(tools.map(({ effect }) => effect).sort(), [
        'external',
        'external',
        'external',
        'external',
        'idempotent',
        'none',
      ]);
      const read = await call(page.body.tools[0].name, { key: 'a' });
      assert.deepEqual([read.tool_status, read.result], ['success', 'the thing a']);
      assert.deepEqual((await call('mcp__lab__put', { value: 7 })).result, { value: 7 });
      const wrong = await call('mcp__lab__put', { value: 'x' });
      assert.deepEqual([wrong.tool_status, /value/.test(JSON.stringify(wrong.result))], ['error', true]);
      assert.deepEqual((await call('mcp__lab__fail', {})).result, { error: 'no luck' });
      assert.equal((await call('mcp__lab__draw', {})).tool_status, 'success');
      assert.equal((await send('GET', `/${made.body.id}`)).body.breaker, 'closed');
    });
  }

  it('return pictures, sounds and files that become files of the session, each once', async () => {
    await using remote = await startMcpServer();
    await add(remote.url);
    const expected = {
      content: 'here',
      attachments: [
        { session_id: 's', path: pathOf(DRAWING, 'image.png'), media_type: 'image/png', size: DRAWING.length },
        { session_id: 's', path: pathOf(SOUND, 'audio.wav'), media_type: 'audio/wav', size: SOUND.length },
        { session_id: 's', path: pathOf('%PDF-1.4 plan', 'plan.pdf'), media_type: 'application/pdf', size: 13 },
        { type: 'link', uri: 'https://example.com/more', name: 'more' },
      ],
    };
    assert.deepEqual((await call('mcp__lab__draw', {})).result, expected);
    assert.deepEqual((await call('mcp__lab__draw', {})).result, expected);
    assert.deepEqual(await readFile(join(workspace, expected.attachments[0]!.path!)), DRAWING);
    assert.equal((await readdir(join(workspace, 'attachments'))).length, 3);
  });

  it('say what they say also where their files cannot be kept', async () => {
    await using remote = await startMcpServer();
    await add(remote.url);
    const elsewhere = createWorkspacesElsewhere('/nowhere');
    const { tool_status, result } = await call('mcp__lab__draw', {}, undefined, {
      workspace: await elsewhere.open('default', 's'),
      quota: elsewhere.quota,
    });
    assert.equal(tool_status, 'success');
    assert.deepEqual((result as { attachments: unknown[] }).attachments[0], {
      type: 'image',
      media_type: 'image/png',
      size: DRAWING.length,
      not_kept: 'these files are where the sandbox is',
    });
    await assert.rejects(stat('/nowhere'), { code: 'ENOENT' });
  });

  it('of the protocol’s own makers are used as they are', async () => {
    await using everything = await startEverything();
    const { body } = await add(everything.url);
    assert.deepEqual(
      [body.last_error, body.protocol_version, body.tool_count >= 8],
      [null, '2025-11-25', true],
      JSON.stringify(body),
    );
    assert.equal((await call('mcp__lab__echo', { message: 'grüße' })).result, 'Echo: grüße');
    assert.match(JSON.stringify((await call('mcp__lab__get-sum', { a: 2, b: 40 })).result), /42/);
    assert.equal((await call('mcp__lab__get-sum', { a: 'two' })).tool_status, 'error');
  });

  it('are called over a new session where they have forgotten the one before', async () => {
    await using remote = await startMcpServer({ legacy: true });
    await add(remote.url);
    const [first] = remote.sessions.keys();
    remote.sessions.clear();
    assert.equal((await call('mcp__lab__put', { value: 1 })).tool_status, 'success');
    const [second] = remote.sessions.keys();
    assert.ok(first !== undefined && second !== undefined && first !== second);
    assert.equal(remote.seen.filter(({ message }) => isCall(message)).length, 2);
  });

  it('shows no secret, in no answer and no audit row, and takes what it shows for what is stored', async () => {
    await using remote = await startMcpServer();
    const url = `${remote.url}?api_key=${encodeURIComponent(SECRET)}&x=1`;
    const made = await add(url, { headers: { Authorization: SECRET, 'X-Team': SECRET } });
    const { id } = made.body;
    assert.equal(made.body.url, `${remote.url}?api_key=***&x=***`);
    assert.deepEqual(made.body.headers, { Authorization: '***', 'X-Team': '***' });
    const again = await send('PATCH', `/${id}`, {
      url: made.body.url,
      headers: { authorization: '***', 'x-team': null },
    });
    assert.deepEqual(again.body.headers, { Authorization: '***' });
    assert.equal((await send('POST', `/${id}/test`)).body.ok, true);
    const last = remote.seen.at(-1)!;
    assert.deepEqual([last.headers.get('authorization'), last.headers.get('x-team')], [SECRET, null]);
    remote.broken = 401;
    const refused = await send('POST', `/${id}/test`);
    assert.deepEqual([refused.status, refused.body.ok], [200, false]);
    assert.match(refused.body.error, /401/);
    const audit = await database.db.selectFrom('audit').selectAll().execute();
    const told = JSON.stringify([made.body, again.body, refused.body, (await send('GET')).body, audit]);
    assert.ok(!told.includes('s3cr3t'), told);
    assert.deepEqual(
      audit.slice(-2).map(({ action, details }) => [action, (details as { fields?: string[] }).fields]),
      [
        ['MCP_SERVER_CREATED', undefined],
        ['MCP_SERVER_CHANGED', ['headers']],
      ],
    );
  });

  it('says back to no model what it was sent', async () => {
    await using remote = await startMcpServer();
    await add(remote.url, { headers: { Authorization: SECRET } });
    const [name] = (await registry())
      .list()
      .flatMap((tool) => (tool.effect === 'none' && tool.source === 'mcp:lab' ? [tool.name] : []));
    assert.equal((await call(name!, { key: SECRET.slice(7) })).result, 'the thing ***');
  });

  it('keep the key of their address where another part of it is edited as it is shown', async () => {
    await using remote = await startMcpServer();
    const { body } = await add(`${remote.url}?api_key=s3cr3t%20of%2Bthis&x=1`);
    const stored = async () =>
      (await database.db.selectFrom('mcp_servers').select('url').executeTakeFirstOrThrow()).url;
    const edit = (url: string) => send('PATCH', `/${body.id}`, { url });
    const edited = await edit(`${remote.url}/v2?api_key=***&x=2`);
    assert.deepEqual([edited.status, await stored()], [200, `${remote.url}/v2?api_key=s3cr3t%20of%2Bthis&x=2`]);
    for (const url of [
      `${remote.url}?other=***`,
      `${remote.url}?api_key=***&api_key=***`,
      'http://127.0.0.1:1/?api_key=***',
    ]) {
      const refused = await edit(url);
      assert.deepEqual([refused.status, refused.body.details?.[0]?.path], [400, 'url'], url);
    }
    assert.equal(await stored(), `${remote.url}/v2?api_key=s3cr3t%20of%2Bthis&x=2`);
  });

  it('lets a call in progress finish while its server is changed', async () => {
    await using remote = await startMcpServer({ legacy: true });
    const { body } = await add(remote.url);
    const waiting = call('mcp__lab__wait', { ms: 1_000 });
    await until(() => remote.seen.some(({ message }) => isCall(message)));
    await send('PATCH', `/${body.id}`, { timeout_ms: 30_000 });
    await servers.toolsOf('default');
    assert.deepEqual([(await waiting).result, remote.sessions.size], ['waited', 2]);
    await until(() => remote.sessions.size === 1);
  });

  it('can be tested while they are disabled and others are read', async () => {
    await using remote = await startMcpServer();
    const { body } = await add(remote.url, { enabled: false });
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    let asked = 0;
    const held: Pick<Outgoing, 'open' | 'check'> = {
      check: (url) => outgoing.check(url),
      open: async (url, request) => {
        asked += 1;
        await released;
        return outgoing.open(url, request);
      },
    };
    await using others = openMcpServers({ database, outgoing: held, programs, config, log: silentLog, version: '1' });
    const server = await requireServer(database.db as never, 'default', body.id);
    const testing = others.refresh(server);
    const breaker = others.breakerOf(server);
    await until(() => asked > 0);
    await others.toolsOf('default');
    assert.equal(others.breakerOf(server), breaker, 'its link was dropped');
    release();
    assert.equal((await testing).ok, true);
  });

  it('are fifty at most, however many are added at once', async () => {
    const requester = { tenantId: 'default', userId: 'ada', traceId: newId() };
    const body = {
      transport: 'http' as const,
      url: 'http://127.0.0.1:1/',
      headers: {},
      args: [],
      env: {},
      enabled: false,
      timeout_ms: 1_000,
    };
    const made = await Promise.allSettled(
      Array.from({ length: 52 }, (_, at) =>
        createServer(database, requester, { ...body, name: `n${at}` }, servers.check),
      ),
    );
    assert.equal(made.filter(({ status }) => status === 'fulfilled').length, 50);
  });

  it('are sent no header of another origin', async () => {
    await using first = await startMcpServer();
    await using second = await startMcpServer();
    const { body } = await add(first.url, { headers: { Authorization: SECRET } });
    const moved = await send('PATCH', `/${body.id}`, { url: second.url, headers: { 'X-Own': 'own' } });
    assert.deepEqual(moved.body.headers, { 'X-Own': '***' });
    assert.equal(moved.body.tool_count, 6);
    assert.ok(second.seen.length > 0 && second.seen.every(({ headers }) => headers.get('authorization') === null));
  });

  it('keep the last list of a server that is gone, trip one breaker and no other, and come back', async () => {
    await using dead = await startMcpServer();
    await using alive = await startMcpServer();
    const { body } = await add(dead.url);
    await send('POST', '', { name: 'other', url: alive.url });
    dead.broken = 503;
    for (let n = 0; n < 2; n++) assert.equal((await call('mcp__lab__put', { value: 1 })).tool_status, 'error');
    const before = dead.seen.length;
    assert.equal((await call('mcp__lab__put', { value: 1 })).tool_status, 'circuit_open');
    assert.equal((await call('mcp__lab__fail', {})).tool_status, 'circuit_open');
    assert.equal(dead.seen.length, before);
    assert.equal((await call('mcp__other__put', { value: 1 })).tool_status, 'success');
    const listed = (await registry()).list();
    assert.equal(listed.find(({ name }) => name === 'mcp__lab__put')?.breaker, 'open');
    assert.equal(listed.find(({ name }) => name === 'mcp__other__put')?.breaker, 'closed');
    assert.equal((await send('GET', `/${body.id}`)).body.breaker, 'open');
    assert.equal(McpTest.parse((await send('POST', `/${body.id}/test`)).body).ok, false);
    assert.equal((await send('GET', `/${body.id}`)).body.tool_count, 6);
    await using anyway = createOutgoing({ allowPrivate: true });
    await using another = openMcpServers({
      database,
      outgoing: anyway,
      programs,
      config,
      log: silentLog,
      version: '1',
    });
    assert.equal((await another.toolsOf('default')).length, 12, 'another process knows the tools all the same');
    dead.broken = undefined;
    assert.equal((await send('POST', `/${body.id}/test`)).body.ok, true);
    assert.equal((await call('mcp__lab__put', { value: 1 })).tool_status, 'success');
  });

  it('have their lists read again once they are old, in the background', async () => {
    await using remote = await startMcpServer();
    const { body } = await add(remote.url);
    remote.more.push('late');
    await database.db
      .updateTable('mcp_servers')
      .set({ checked_at: new Date(Date.now() - 600_000) })
      .where('id', '=', body.id)
      .execute();
    servers.changed('default');
    const until = Date.now() + 10_000;
    while (!(await registry()).list().some(({ name }) => name === 'mcp__lab__late')) {
      assert.ok(Date.now() < until, 'the new tool is not there');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });

  it('bound what a call may take and bring, and stop with the run', async () => {
    await using remote = await startMcpServer();
    const { body } = await add(remote.url, { timeout_ms: 1_000 });
    const slow = await call('mcp__lab__wait', { ms: 30_000 });
    assert.deepEqual([slow.tool_status, slow.duration_ms < 5_000], ['timeout', true]);
    const flood = await call('mcp__lab__flood', {});
    assert.deepEqual([flood.tool_status, JSON.stringify(flood).length < 2_000], ['error', true]);
    await send('PATCH', `/${body.id}`, { timeout_ms: 60_000 });
    const leaving = new AbortController();
    setTimeout(() => leaving.abort(), 100);
    await assert.rejects(call('mcp__lab__wait', { ms: 30_000 }, leaving.signal), { reason: 'cancelled' });
  });

  it('are not offered while they are disabled, and are gone when they are deleted', async () => {
    await using remote = await startMcpServer();
    const { body } = await add(remote.url);
    const offered = async () => (await registry()).list().filter(({ source }) => source === 'mcp:lab').length;
    assert.equal(await offered(), 6);
    await send('PATCH', `/${body.id}`, { enabled: false });
    assert.equal(await offered(), 0);
    await send('PATCH', `/${body.id}`, { enabled: true, name: 'renamed' });
    assert.ok((await registry()).get('mcp__renamed__put') !== undefined);
    assert.deepEqual(await send('DELETE', `/${body.id}`), { status: 204, body: null });
    assert.equal((await registry()).get('mcp__renamed__put'), undefined);
    assert.equal((await send('DELETE', `/${body.id}`)).status, 404);
  });

  it('are refused where they may not be asked, cannot be, or are there already', async () => {
    const refused = async (body: object) => {
      const answer = await send('POST', '', { name: 'x', url: 'http://127.0.0.1:1/mcp', ...body });
      return [answer.status, answer.body.code, answer.body.details?.[0]?.path];
    };
    assert.deepEqual(await refused({ url: 'http://169.254.169.254/latest' }), [403, 'policy_denied', undefined]);
    assert.deepEqual(await refused({ url: 'file:///etc/passwd' }), [400, 'invalid_request', 'url']);
    assert.deepEqual(await refused({ url: 'http://a:b@127.0.0.1/' }), [400, 'invalid_request', 'url']);
    assert.deepEqual(await refused({ url: undefined }), [400, 'invalid_request', 'url']);
    assert.deepEqual(await refused({ transport: 'stdio', command: 'node' }), [400, 'invalid_request', 'url']);
    assert.deepEqual(await refused({ transport: 'stdio', url: undefined }), [400, 'invalid_request', 'command']);
    assert.deepEqual(await refused({ args: ['x'] }), [400, 'invalid_request', 'args']);
    assert.deepEqual(await refused({ headers: { Host: 'x' } }), [400, 'invalid_request', 'headers']);
    assert.deepEqual(await refused({ headers: { a: 'x\r\ny: z' } }), [400, 'invalid_request', 'headers.a']);
    assert.deepEqual(await refused({ name: 'a__b' }), [400, 'invalid_request', 'name']);
    const made = await send('POST', '', { name: 'x', url: 'http://127.0.0.1:1/mcp' });
    assert.deepEqual([made.status, made.body.tool_count], [201, 0]);
    assert.match(made.body.last_error, /cannot be reached/);
    assert.deepEqual(await refused({}), [409, 'conflict', 'name']);
    const other = await send('POST', '', { name: 'y', url: 'http://127.0.0.1:1/mcp' });
    assert.equal((await send('PATCH', `/${other.body.id}`, { name: 'x' })).status, 409);
    assert.equal((await send('PATCH', `/${other.body.id}`, { headers: { a: '***' } })).status, 400);
    assert.equal((await send('POST', '', { name: 'z', url: 'http://a/' }, { 'x-role': 'viewer' })).status, 403);
    assert.equal((await send('GET', '', undefined, { 'x-role': 'viewer' })).body.total, 2);
  });

  it('answer a repeated Idempotency-Key from the first time', async () => {
    await using remote = await startMcpServer();
    const key = { 'idempotency-key': 'once' };
    const first = await send('POST', '', { name: 'lab', url: remote.url }, key);
    assert.deepEqual(await send('POST', '', { name: 'lab', url: remote.url }, key), first);
    assert.equal((await send('GET')).body.total, 1);
  });
});

/** The reference server of MCP, over Streamable HTTP. */
async function startEverything(): Promise<{ url: string } & AsyncDisposable> {
  const port = await freePort();
  const program = 'node_modules/@modelcontextprotocol/server-everything/dist/index.js';
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../..', program), 'streamableHttp'], {
    env: { PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  const isListening = new Promise<void>((resolve) =>
    child.stderr.on('data', (chunk) => (said += String(chunk)).includes('listening on port') && resolve()),
  );
  await Promise.race([isListening, once(child, 'exit').then(() => assert.fail(said))]);
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

async function freePort(): Promise<number> {
  const server = createSocketServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
