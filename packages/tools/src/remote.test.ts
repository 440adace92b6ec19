import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import type { ToolOutcome } from '@reeve/contract';
import { newId, ReeveError, silentLog } from '@reeve/kit';
import { openChannel, startRpcServer, type RpcServer } from '@reeve/rpc';
import { createQuota, createWorkspaces, openSandbox, workspacePath, type Sandbox } from '@reeve/sandbox';
import { programsService, workspaceRoot } from '@reeve/sandbox/rpc';
import { createGrpcClient, type GrpcClient } from '@reeve/testing/grpc-client';
import { bareTools, workspaceTools } from './builtin/index.ts';
import type { ToolCallMade, ToolCalls } from './call.ts';
import { createRegistryOf, type ToolRegistry } from './registry.ts';
import { openRemoteSandbox, type RemoteSandbox } from './remote.ts';
import { sandboxService } from './rpc.ts';
import type { ToolContext } from './tool.ts';

const SERVICE = 'reeve.v1.Sandbox';
const config = { circuitFailureThreshold: 3, circuitResetTimeoutSeconds: 0.5 };

let root: string;
let sandbox: Sandbox;
let shell: string | undefined;
let server: RpcServer;
const made: ToolCallMade[] = [];
const refusals: string[] = [];
const rules = new Map<string, 'deny' | 'approve'>();

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'reeve-remote-'));
  sandbox = await openSandbox({ sandboxBackend: 'auto' }, silentLog);
  await sandbox.whenProbed();
  shell = sandbox.unavailable('bash');
  server = await serve(0);
});
after(async () => {
  await server[Symbol.asyncDispose]();
  await sandbox[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

const noNetwork = { quota: createQuota({ workspaceQuotaMb: 100 }), egressOf: async () => undefined };
const portOf = ({ url }: RpcServer) => Number(new URL(url).port);

/** The service as the role `sandbox` serves it. Callers are of the tenant that they name. */
function serve(port: number): Promise<RpcServer> {
  const tools = createRegistryOf([...bareTools, ...workspaceTools(sandbox)], config, silentLog);
  const calls: ToolCalls = {
    toolsOf: async () => tools,
    async contextFor(who, idempotencyKey, signal) {
      const workspace = await workspacePath(root, who.tenantId, who.sessionId);
      return { ...who, idempotencyKey, ...noNetwork, signal, workspace, now: () => new Date() };
    },
    ruleOf: async (_, tool) => rules.get(tool) ?? 'allow',
    record: async (call) => void made.push(call),
  };
  const workspaces = { workspaces: workspaceRoot(createWorkspaces(root, noNetwork.quota)) };
  const connect = () => Promise.reject(new Error('no host is open'));
  const places = { sandbox, workspaces, folders: {}, connect, log: silentLog };
  return startRpcServer({
    host: '127.0.0.1',
    port,
    tls: undefined,
    services: [sandboxService(calls), programsService(places)],
    authenticate: async (header) => {
      const role = header('x-role') === 'viewer' ? 'viewer' : 'admin';
      const via = header('x-via') === 'api_key' ? 'api_key' : 'internal';
      return { tenantId: header('x-tenant-id') ?? 'default', userId: 'ada', role, via };
    },
    onRefused: ({ error, route }) => refusals.push(`${error.reason} ${route.path}`),
    log: silentLog,
  });
}

describe('the Sandbox service', { timeout: 120_000 }, () => {
  let client: GrpcClient;
  before(() => void (client = createGrpcClient(SERVICE, `127.0.0.1:${portOf(server)}`)));
  after(() => client[Symbol.dispose]());

  const execute = async (tool_name: string, args: object, session_id = newId(), metadata = {}) => {
    const request = { tool_name, args_json: JSON.stringify(args), session_id };
    const called = await client.call('ExecuteTool', request, { metadata });
    assert.ok('response' in called, JSON.stringify(called));
    return called.response;
  };

  it('lists tools with their schemas', async () => {
    const called = await client.call('ListTools', {}, { metadata: { 'x-role': 'viewer' } });
    assert.ok('response' in called);
    const tools = called.response['tools'] as Record<string, unknown>[];
    const calculator = tools.find(({ name }) => name === 'calculator')!;
    assert.deepEqual([calculator['effect'], calculator['source'], calculator['available']], ['none', 'builtin', true]);
    assert.match(calculator['input_schema_json'] as string, /"expression"/);
    assert.equal(tools.length, 12);
  });

  it('runs a tool, and tells of output, result and exit code apart', async (t) => {
    const sum = await execute('calculator', { expression: '6 * 7' });
    assert.deepEqual([sum['status'], sum['result_json'], 'exit_code' in sum], ['success', '{"value":"42"}', false]);
    assert.ok((sum['duration_ms'] as number) > 0);
    if (shell !== undefined) return t.skip(shell);
    const failed = await execute('bash_execute', { command: 'echo out; echo err >&2; exit 3' });
    assert.deepEqual(
      [failed['status'], failed['stdout'], failed['stderr'], failed['exit_code']],
      ['error', 'out\n', 'err\n', 3],
    );
  });

  it('keeps a session’s files, apart from other sessions and other tenants', async () => {
    const [session, acme] = [newId(), { 'x-tenant-id': 'acme' }];
    await execute('write_file', { path: 'note', content: 'of acme' }, session, acme);
    const read = async (id: string, metadata: object) =>
      (await execute('read_file', { path: 'note' }, id, metadata))['status'];
    assert.equal(await read(session, acme), 'success');
    assert.equal(await read(session, { 'x-tenant-id': 'beta' }), 'error');
    assert.equal(await read(newId(), acme), 'error');
    await execute('write_file', { path: 'note', content: 'x' }, 'a plain name'.replaceAll(' ', '-'), acme);
    assert.equal(await read('a-plain-name', acme), 'success');
    assert.equal(await read('a-plain-name', { 'x-tenant-id': 'beta' }), 'error');
  });

  it('refuses what is no call of a tool, and says what is wrong', async () => {
    const cases: readonly [object, code: string, message: RegExp][] = [
      [{ tool_name: 'nothing' }, 'NOT_FOUND', /there is no tool nothing/],
      [{}, 'INVALID_ARGUMENT', /tool_name must be/],
      [{ tool_name: 'calculator', args_json: '[1]' }, 'INVALID_ARGUMENT', /args_json.*JSON object/],
      [{ tool_name: 'calculator', args_json: '{' }, 'INVALID_ARGUMENT', /args_json is not valid JSON/],
      [{ tool_name: 'calculator', args_json: '{"__proto__": 1}' }, 'INVALID_ARGUMENT', /__proto__/],
      [{ tool_name: 'calculator', session_id: '../x' }, 'INVALID_ARGUMENT', /session_id/],
    ];
    for (const [request, code, message] of cases) {
      const called = await client.call('ExecuteTool', request as Record<string, unknown>);
      assert.ok('message' in called);
      assert.equal(called.code, code, JSON.stringify(request));
      assert.match(decodeURIComponent(called.message), message);
    }
    const viewer = await client.call('ExecuteTool', { tool_name: 'calculator' }, { metadata: { 'x-role': 'viewer' } });
    assert.equal(viewer.code, 'PERMISSION_DENIED');
    assert.deepEqual(refusals, ['forbidden /reeve.v1.Sandbox/ExecuteTool']);
    const wrong = await execute('calculator', { expression: 7 });
    assert.equal(wrong['status'], 'error', 'what a model got wrong is a result that it can read');
  });

  it('keeps the tenant’s rules, and believes only a role that it has kept them', async () => {
    rules.set('calculator', 'approve');
    const kept = { 'x-reeve-rules-kept': 'true' };
    const args = { expression: '1' };
    try {
      assert.equal((await execute('calculator', args))['status'], 'denied');
      assert.equal((await execute('calculator', args, newId(), { ...kept, 'x-via': 'api_key' }))['status'], 'denied');
      assert.equal((await execute('calculator', args, newId(), kept))['status'], 'success');
    } finally {
      rules.clear();
    }
    assert.deepEqual(
      made.slice(-3).map(({ tool, status, userId }) => `${userId} ${tool} ${status}`),
      ['ada calculator denied', 'ada calculator denied', 'ada calculator success'],
    );
  });

  it('tells of output as it comes, the result last', async (t) => {
    if (shell !== undefined) return t.skip(shell);
    const request = { tool_name: 'bash_execute', args_json: '{"command": "echo one; sleep 1; echo two >&2"}' };
    const told: { at: number; event: unknown; status?: unknown }[] = [];
    for await (const piece of client.stream('ExecuteStream', request)) {
      const result = piece['result'] as Record<string, unknown> | undefined;
      told.push({ at: performance.now(), event: piece['event'], status: result?.['status'] });
    }
    assert.deepEqual(
      told.map(({ event }) => event),
      ['stdout', 'stderr', 'result'],
    );
    assert.equal(told.at(-1)!.status, 'success');
    assert.ok(told[1]!.at - told[0]!.at > 500, 'the first piece came before the program had ended');
    const unknown = client.stream('ExecuteStream', { tool_name: 'nothing' });
    await assert.rejects(async () => void (await Array.fromAsync(unknown)), { code: 5 });
  });

  it('kills what a caller has cancelled, or what is late', async (t) => {
    if (shell !== undefined) return t.skip(shell);
    const marks = ['61.0731', '62.0731'];
    const request = (mark: string) => ({
      tool_name: 'bash_execute',
      args_json: JSON.stringify({ command: `echo begun; sleep ${mark}` }),
    });
    for await (const piece of client.stream('ExecuteStream', request(marks[0]!))) {
      assert.equal(piece['stdout'], 'begun\n');
      await until(() => runs(marks[0]!));
      break;
    }
    const late = await client.call('ExecuteTool', request(marks[1]!), { timeoutMs: 1_000 });
    assert.equal(late.code, 'DEADLINE_EXCEEDED');
    await until(() => !marks.some(runs));
  });
});

describe('a remote sandbox', { timeout: 120_000 }, () => {
  let place: RpcServer;
  let remote: RemoteSandbox;
  let registry: ToolRegistry;
  const stack = new AsyncDisposableStack();
  before(async () => {
    place = await serve(0);
    const target = `127.0.0.1:${portOf(place)}`;
    const channel = stack.use(openChannel({ target, tls: undefined, internalSecret: undefined }));
    remote = stack.use(openRemoteSandbox({ channel, roots: { workspaces: root }, config, log: silentLog }));
    registry = createRegistryOf(remote.tools, config, silentLog);
    await until(() => remote.status().status === 'ok');
  });
  after(async () => {
    await stack.disposeAsync();
    await place[Symbol.asyncDispose]();
  });

  const contextOf = (more: Partial<ToolContext> = {}, sessionId = newId()): ToolContext => ({
    tenantId: 'acme',
    sessionId,
    runId: null,
    idempotencyKey: 'k',
    workspace: join(root, 'acme', sessionId),
    ...noNetwork,
    signal: new AbortController().signal,
    now: () => new Date(),
    ...more,
  });
  const stateOf = (name: string) => registry.list().find((tool) => tool.name === name)!;

  it('runs the tools that work in a workspace, on its own disk', async () => {
    const context = contextOf();
    const args = { path: 'deep/note.txt', content: 'grüße' };
    assert.equal((await registry.execute('write_file', args, context)).tool_status, 'success');
    assert.deepEqual(readdirSync(join(root, 'acme', context.sessionId)), ['deep']);
    const patch = '*** Begin Patch\n*** Update File: deep/note.txt\n@@\n-grüße\n+hello\n*** End Patch';
    await registry.execute('apply_patch', { patch }, context);
    const found = (await registry.execute('grep_files', { pattern: 'h.llo' }, context)).result as { matches: number };
    assert.equal(found.matches, 1);
    const code = await registry.execute('run_code', { code: 'console.log("said"); ({ six: 6 })' }, context);
    assert.deepEqual(
      [code.stdout, code.exit_code, (code.result as { value: unknown }).value],
      ['said\n', null, { six: 6 }],
    );
    const missing = await registry.execute('read_file', { path: 'nothing' }, context);
    assert.deepEqual([missing.tool_status, missing.result], ['error', { error: '"nothing" does not exist' }]);
  });

  it('says where a tool runs', () => {
    assert.deepEqual(
      [stateOf('bash_execute').runs_at, stateOf('bash_execute').breaker],
      [`127.0.0.1:${portOf(place)}`, 'closed'],
    );
    assert.equal(stateOf('bash_execute').unavailable_reason, shell);
    assert.equal(remote.unavailable('bash'), shell);
    assert.match(remote.unavailable('javascript')!, /by its tool alone/);
    assert.match(remote.status().message, /^at 127\.0\.0\.1:\d+/);
  });

  it('passes output on as it comes, and cancellation', async (t) => {
    if (shell !== undefined) return t.skip(shell);
    const cancel = new AbortController();
    let told = '';
    const onOutput = (stream: string, text: string) => {
      told += `${stream} ${text}`;
    };
    const call = registry.execute(
      'bash_execute',
      { command: 'echo begun; sleep 63.0731' },
      contextOf({ signal: cancel.signal, onOutput }),
    );
    const cancelled = assert.rejects(call, { reason: 'cancelled' });
    await until(() => told !== '' && runs('63.0731'));
    cancel.abort();
    await cancelled;
    assert.equal(told, 'stdout begun\n');
    await until(() => !runs('63.0731'));
  });

  it('holds programs to their time there, and what a rule there denies is told', async (t) => {
    rules.set('read_file', 'deny');
    try {
      const own = await registry.execute('read_file', { path: 'x' }, contextOf());
      assert.match(JSON.stringify(own.result), /does not exist/, 'this process has kept the rules itself');
    } finally {
      rules.clear();
    }
    if (shell !== undefined) return t.skip(shell);
    const late = await registry.execute('bash_execute', { command: 'sleep 20', timeout_ms: 300 }, contextOf());
    assert.equal(late.tool_status, 'timeout');
  });

  it('is not asked twice where it dies in the middle of a call, trips its breaker, runs nothing here, and comes back by itself', async (t) => {
    if (shell !== undefined) return t.skip(shell);
    const port = portOf(place);
    const context = contextOf();
    const counted = join(root, 'acme', context.sessionId, 'count');
    const script = { command: 'echo once >> count; sleep 30' };
    const call = registry.execute('bash_execute', script, context);
    await until(() => existsSync(counted));
    const bounds = { timeoutMs: 30_000, maxOutputBytes: 100 };
    const program = remote.exec({ language: 'bash', code: 'sleep 30', ...bounds }, context.signal);
    const inDoubt = assert.rejects(program, {
      reason: 'unavailable',
      unsure: true,
      message: /was lost while a program ran .*it may or may not have done its work/,
    });
    const stopping = place[Symbol.asyncDispose]();
    await inDoubt;
    const lost = await call;
    await stopping;
    assert.equal(lost.tool_status, 'error');
    assert.match(
      (lost.result as { error: string }).error,
      /was lost while bash_execute ran .*it may or may not have done its work/,
    );

    const outcomes: ToolOutcome[] = [];
    while (outcomes.at(-1)?.tool_status !== 'circuit_open' && outcomes.length < 10)
      outcomes.push(await registry.execute('write_file', { path: 'y', content: '' }, context));
    assert.equal(outcomes.at(-1)!.tool_status, 'circuit_open');
    assert.match(JSON.stringify(outcomes.at(-1)!.result), /the sandbox at 127\.0\.0\.1:\d+ failed several times/);
    await until(() => remote.status().status === 'degraded');
    assert.match(remote.status().message, /cannot be reached.*nothing runs here instead/);
    const { available, unavailable_reason } = stateOf('run_code');
    assert.deepEqual([available, /cannot be reached/.test(unavailable_reason!)], [false, true]);
    assert.notEqual(stateOf('run_code').breaker, 'closed');

    place = await serve(port);
    await until(() => remote.status().status === 'ok' && stateOf('run_code').breaker === 'closed');
    const again = await registry.execute('read_file', { path: 'count' }, context);
    assert.equal((again.result as { content: string }).content, 'once\n');
    assert.equal(existsSync(join(root, 'acme', context.sessionId, 'y')), false);
  });

  it('takes a tool that it does not have for one that cannot be used', async () => {
    const less = await startRpcServer({
      host: '127.0.0.1',
      port: 0,
      tls: undefined,
      services: [
        sandboxService({
          toolsOf: async () => createRegistryOf(bareTools, config, silentLog),
          contextFor: () => Promise.reject(new ReeveError('internal', 'is not asked')),
          ruleOf: async () => 'allow',
          record: async () => undefined,
        }),
      ],
      authenticate: async () => ({ tenantId: 'default', userId: 'ada', role: 'admin', via: 'internal' }),
      log: silentLog,
    });
    const target = `127.0.0.1:${portOf(less)}`;
    await using channel = openChannel({ target, tls: undefined, internalSecret: undefined });
    await using poor = openRemoteSandbox({ channel, roots: { workspaces: root }, config, log: silentLog });
    const others = createRegistryOf(poor.tools, config, silentLog);
    await until(() => poor.status().status === 'ok');
    const refused = await others.execute('read_file', { path: 'x' }, contextOf());
    assert.match(JSON.stringify(refused.result), /read_file cannot be used here: the sandbox at .* has no such tool/);
    assert.deepEqual(others.definitions(['read_file']), []);
    assert.match(poor.unavailable('node')!, /has no such tool/);
    await less[Symbol.asyncDispose]();
  });
});

/** True while a process of this machine has the mark in its command line. */
function runs(mark: string): boolean {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .some((pid) => commandOf(pid).includes(`sleep\0${mark}`));
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    assert.ok(tries < 1_000, 'it never came to hold');
    await pause(20);
  }
}
