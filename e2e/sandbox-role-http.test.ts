import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import { createClient, type Client } from '@reeve/client';
import { routes } from '@reeve/contract';
import { newId } from '@reeve/kit';
import { makeCertificates } from '@reeve/rpc/certificates';
import { readTls, type Tls } from '@reeve/rpc/tls';
import { createGrpcClient } from '@reeve/testing/grpc-client';
import { startServer, type ServerProcess } from '@reeve/testing/server';

const SERVICE = 'reeve.v1.Sandbox';

let root: string;
before(async () => void (root = await mkdtemp(join(tmpdir(), 'reeve-sandbox-role-'))));
after(() => rm(root, { recursive: true, force: true }));

async function start(name: string, environment: Readonly<Record<string, string>>): Promise<ServerProcess> {
  const dataDirectory = join(root, name);
  await mkdir(dataDirectory, { recursive: true });
  return startServer({ dataDirectory, url: undefined, environment });
}

const linesOf = ({ log }: ServerProcess) => log.map((line) => JSON.parse(line) as Record<string, unknown>);

describe('a server with all roles', { timeout: 180_000 }, () => {
  let server: ServerProcess;
  let target: string;
  before(async () => {
    const tenants = join(root, 'tenants.yaml');
    await writeFile(tenants, 'acme: {tools: {deny: [write_file]}}\n');
    server = await start('all', { SANDBOX_PORT: '0', REEVE_TENANTS_FILE: tenants });
    target = new URL(linesOf(server).find(({ message }) => /Sandbox service/.test(String(message)))!['url'] as string)
      .host;
  });
  after(() => server[Symbol.asyncDispose]());

  it('serves the Sandbox service beside HTTP: the same tools, rules, workspaces and audit log', async () => {
    using client = createGrpcClient(SERVICE, target);
    const http = createClient({ baseUrl: server.url });
    const [session_id, trace] = [newId(), newId()];
    const write = { tool_name: 'write_file', args_json: '{"path": "note", "content": "hello"}', session_id };
    const written = await client.call('ExecuteTool', write, { metadata: { 'x-trace-id': trace } });
    assert.equal('response' in written && written.response['status'], 'success');
    const read = await http.call(routes.executeTool, {
      body: { tool_name: 'read_file', args: { path: 'note' }, session_id },
    });
    assert.equal((read.result as { content: string }).content, 'hello');
    const denied = await client.call('ExecuteTool', write, {
      metadata: { 'x-tenant-id': 'acme', 'x-trace-id': trace },
    });
    assert.equal('response' in denied && denied.response['status'], 'denied');
    const listed = await client.call('ListTools', {});
    const { tools } = await http.call(routes.listTools, {});
    assert.deepEqual(
      'response' in listed && (listed.response['tools'] as { name: string }[]).map(({ name }) => name),
      tools.map(({ name }) => name),
    );
    const { entries } = await http.call(routes.listAudit, { query: { trace_id: trace } });
    assert.deepEqual(
      entries.map(({ action, details }) => [action, (details as Record<string, unknown>)['tool']]),
      [['TOOL_EXECUTED', 'write_file']],
      'the call of another tenant is in its own log',
    );
  });

  it('goes on without the service where its port is taken, unless the port was asked for', async () => {
    const port = new URL(`http://${target}`).port;
    await assert.rejects(
      start('taken', { SANDBOX_PORT: port }),
      /cannot listen on 127\.0\.0\.1:\d+: the port is in use/,
    );
    await using first = await startDefault('first');
    await using second = await startDefault('second');
    assert.ok(
      linesOf(second).some(({ message }) =>
        /no Sandbox service: cannot listen on 127\.0\.0\.1:50053/.test(String(message)),
      ),
      first.log.join('\n'),
    );
  });

  const startDefault = (name: string) => start(name, { SANDBOX_PORT: '' });
});

describe('the role sandbox in a process of its own', { timeout: 240_000 }, () => {
  let tls: Tls;
  let shared: Readonly<Record<string, string>>;
  let sandbox: ServerProcess;
  let gateway: ServerProcess;
  let http: Client;
  let target: string;
  let shell: boolean;

  before(async () => {
    const files = await makeCertificates(join(root, 'certs'), ['127.0.0.1']);
    shared = {
      TLS_SERVER_CERT_PATH: files.serverCert,
      TLS_SERVER_KEY_PATH: files.serverKey,
      TLS_CA_CERT_PATH: files.ca,
      TLS_CLIENT_CERT_PATH: files.clientCert,
      TLS_CLIENT_KEY_PATH: files.clientKey,
      TOOL_EXECUTOR_CIRCUIT_RESET_TIMEOUT_SECONDS: '1',
    };
    tls = readTls({
      tlsServerCertPath: files.serverCert,
      tlsServerKeyPath: files.serverKey,
      tlsCaCertPath: files.ca,
      tlsClientCertPath: files.clientCert,
      tlsClientKeyPath: files.clientKey,
    })!;
    sandbox = await start('sandbox', { ...shared, REEVE_ROLES: 'sandbox', SANDBOX_PORT: '0' });
    target = new URL(sandbox.url).host;
    gateway = await start('gateway', { ...shared, SANDBOX_TARGET: target });
    http = createClient({ baseUrl: gateway.url });
    await until(async () => (await toolNamed('write_file')).available);
    shell = (await toolNamed('bash_execute')).available;
  });
  after(async () => {
    await gateway[Symbol.asyncDispose]();
    await sandbox[Symbol.asyncDispose]();
  });

  const toolNamed = async (name: string) =>
    (await http.call(routes.listTools, {})).tools.find((tool) => tool.name === name)!;
  const execute = (tool_name: string, args: Record<string, unknown>, session_id = newId()) =>
    http.call(routes.executeTool, { body: { tool_name, args, session_id } });
  const workspaceIn = (name: string, session: string) => join(root, name, 'data', 'workspaces', 'default', session);

  it('opens no database, and lets in only who shows a certificate', async () => {
    assert.match(sandbox.url, /^https:/);
    assert.equal(existsSync(join(root, 'sandbox', 'data', 'db')), false);
    using peer = createGrpcClient(SERVICE, target, tls);
    assert.equal((await peer.call('ListTools', {})).code, 'OK');
    using stranger = createGrpcClient(SERVICE, target, { ca: tls.ca });
    assert.equal((await stranger.call('ListTools', {}, { timeoutMs: 5_000 })).code, 'UNAVAILABLE');
  });

  it('runs the tools of a gateway that names it, in workspaces on its own disk, and logs them under the caller’s ids', async () => {
    const session = newId();
    const response = await fetch(`${gateway.url}/api/v1/execute_tool`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': 'req-42', 'x-trace-id': 'trace-42' },
      body: JSON.stringify({ tool_name: 'write_file', args: { path: 'note', content: 'far' }, session_id: session }),
    });
    assert.equal(((await response.json()) as { tool_status: string }).tool_status, 'success');
    assert.equal(readFileSync(join(workspaceIn('sandbox', session), 'note'), 'utf8'), 'far');
    assert.equal(existsSync(join(root, 'gateway', 'data', 'workspaces')), false);
    const logged = linesOf(sandbox).find(({ message }) => message === 'a tool was called')!;
    assert.deepEqual(
      [logged['request_id'], logged['trace_id'], logged['tenant_id'], logged['tool'], logged['session_id']],
      ['req-42', 'trace-42', 'default', 'write_file', session],
    );
    assert.equal((await toolNamed('write_file')).runs_at, target);
    assert.equal((await toolNamed('calculator')).runs_at, undefined);
    const { components } = await http.call(routes.getHealth, {});
    assert.match(components.sandbox.message!, new RegExp(`^at ${target}`));
  });

  it('runs those of an agent’s run as well', async () => {
    const { run_id } = await http.call(routes.execute, {
      body: { task: 'Write file notes.txt with content hello', timeout_ms: 60_000 },
    });
    const { steps } = await http.call(routes.listSteps, { params: { id: run_id } });
    assert.ok(
      steps.some(({ kind, outcome }) => kind === 'tool' && outcome === 'success'),
      JSON.stringify(steps),
    );
    const { session_id } = await http.call(routes.getRun, { params: { id: run_id } });
    assert.ok(existsSync(join(workspaceIn('sandbox', session_id), 'notes.txt')));
  });

  it('is missed where it is killed, by name and without running anything here, and is used again once it is back', async (t) => {
    if (!shell) return t.skip('no shell here');
    const port = new URL(sandbox.url).port;
    const session = newId();
    const call = execute('bash_execute', { command: 'echo once >> count; sleep 30' }, session);
    await until(async () => existsSync(join(workspaceIn('sandbox', session), 'count')));
    await sandbox.end('SIGKILL');
    const lost = await call;
    assert.equal(lost.tool_status, 'error');
    assert.match(JSON.stringify(lost.result), /was lost while bash_execute ran .*it may or may not have done its work/);

    await until(
      async () => (await execute('write_file', { path: 'x', content: '' }, session)).tool_status === 'circuit_open',
    );
    await until(async () => (await http.call(routes.getHealth, {})).components.sandbox.status === 'degraded');
    const { available, unavailable_reason, breaker } = await toolNamed('run_code');
    assert.equal(available, false);
    assert.match(unavailable_reason!, /the sandbox at .* cannot be reached: nobody listens there/);
    assert.notEqual(breaker, 'closed');
    assert.equal((await execute('calculator', { expression: '1 + 1' })).tool_status, 'success');

    sandbox = await start('sandbox', { ...shared, REEVE_ROLES: 'sandbox', SANDBOX_PORT: port });
    await until(async () => (await toolNamed('read_file')).breaker === 'closed');
    const { result } = await execute('read_file', { path: 'count' }, session);
    assert.equal((result as { content: string }).content, 'once\n');
    assert.equal(existsSync(join(root, 'gateway', 'data', 'workspaces')), false);
  });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    assert.ok(tries < 300, 'it never came to hold');
    await pause(100);
  }
}
