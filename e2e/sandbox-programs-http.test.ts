import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import { createClient, type Client } from '@reeve/client';
import { routes } from '@reeve/contract';
import { newId, silentLog } from '@reeve/kit';
import { makeCertificates } from '@reeve/rpc/certificates';
import { openSandbox } from '@reeve/sandbox';
import { startServer, type ServerProcess } from '@reeve/testing/server';

const local = await openSandbox({ sandboxBackend: 'auto' }, silentLog);
await local.whenProbed();
const skip = local.unavailable('node') ?? local.unavailable('python') ?? false;
await local[Symbol.asyncDispose]();

const REPOSITORY = join(import.meta.dirname, '..');
const EXTENSION = `
import { appendFileSync, readFileSync } from 'node:fs';
import { defineTool } from '@reeve/client';
export const tool = defineTool({
  name: 'note_word',
  description: 'Notes a word.',
  effect: 'external',
  timeoutMs: 20_000,
  input: { type: 'object', properties: { word: { type: 'string' } }, required: ['word'] },
  async execute(input: { word: string }) {
    appendFileSync('words', input.word + ' ');
    console.log('noted');
    return readFileSync('words', 'utf8').trim();
  },
});`;
const SKILL = `---
name: tidy
description: Tidies up.
---
Run \`bash_execute\` with /skills/tidy/tidy.sh.
`;

describe('what runs programs, with the sandbox in another process', { timeout: 240_000, skip }, () => {
  let root: string;
  let sandbox: ServerProcess;
  let gateway: ServerProcess;
  let http: Client;
  let target: string;
  let environment: Readonly<Record<string, string>>;
  const inside = createServer((request, response) => response.end(`hello ${request.url}`));
  const start = (name: string, more: Readonly<Record<string, string>>) =>
    startServer({ dataDirectory: join(root, name), url: undefined, environment: { ...environment, ...more } });
  const startSandbox = (port: string) => start('sandbox', { REEVE_ROLES: 'sandbox', SANDBOX_PORT: port });

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'reeve-elsewhere-'));
    inside.listen(0, '127.0.0.1');
    await once(inside, 'listening');
    const files = await makeCertificates(join(root, 'certs'), ['127.0.0.1']);
    environment = {
      TLS_SERVER_CERT_PATH: files.serverCert,
      TLS_SERVER_KEY_PATH: files.serverKey,
      TLS_CA_CERT_PATH: files.ca,
      TLS_CLIENT_CERT_PATH: files.clientCert,
      TLS_CLIENT_KEY_PATH: files.clientKey,
      REEVE_ALLOW_PRIVATE_URLS: '127.0.0.1,::1',
      REEVE_MCP_DIR: REPOSITORY,
      TOOL_EXECUTOR_CIRCUIT_RESET_TIMEOUT_SECONDS: '1',
    };
    // Each machine has the operator's folders where it keeps them.
    for (const name of ['sandbox', 'gateway']) {
      const data = join(root, name, 'data');
      await mkdir(join(data, 'extensions'), { recursive: true });
      await mkdir(join(data, 'skills', 'tidy'), { recursive: true });
      await writeFile(join(data, 'extensions', 'note_word.ts'), EXTENSION);
      await writeFile(join(data, 'skills', 'tidy', 'SKILL.md'), SKILL);
      await writeFile(join(data, 'skills', 'tidy', 'tidy.sh'), `echo tidied by the ${name}`);
    }
    // The gateway starts while nobody is there yet.
    const first = await startSandbox('0');
    target = new URL(first.url).host;
    await first.end('SIGTERM');
    gateway = await start('gateway', { SANDBOX_TARGET: target });
    http = createClient({ baseUrl: gateway.url });
  });
  after(async () => {
    await gateway[Symbol.asyncDispose]();
    await sandbox[Symbol.asyncDispose]();
    inside.close();
    await rm(root, { recursive: true, force: true });
  });
  const toolNamed = async (name: string) =>
    (await http.call(routes.listTools, {})).tools.find((tool) => tool.name === name);
  const execute = (tool_name: string, args: Record<string, unknown>, session_id = newId()) =>
    http.call(routes.executeTool, { body: { tool_name, args, session_id } });
  const dataOf = (name: string, ...path: string[]) => join(root, name, 'data', ...path);

  it('is told to be missing while nobody is there, and is loaded once somebody is', async () => {
    const before = await toolNamed('note_word');
    assert.equal(before?.available, false);
    assert.match(before?.unavailable_reason ?? '', /the sandbox at .* cannot be reached/);
    sandbox = await startSandbox(new URL(`http://${target}`).port);
    await until(async () => (await toolNamed('note_word'))?.available === true);
    const loaded = await toolNamed('note_word');
    assert.deepEqual([loaded?.source, loaded?.runs_at], ['extension:note_word', target]);
  });

  it('are extensions, in the session’s workspace on the disk there', async () => {
    const session = newId();
    await execute('note_word', { word: 'one' }, session);
    const second = await execute('note_word', { word: 'two' }, session);
    assert.deepEqual([second.tool_status, second.result, second.stdout], ['success', 'one two', 'noted\n']);
    assert.equal((await execute('read_file', { path: 'words' }, session)).tool_status, 'success');
    assert.equal(readFileSync(dataOf('sandbox', 'workspaces', 'default', session, 'words'), 'utf8'), 'one two ');
    assert.equal(existsSync(dataOf('gateway', 'workspaces')), false);
  });

  it('are MCP servers that are programs', async () => {
    const args = ['/mcp/packages/testing/src/mcp-program.ts'];
    const body = { name: 'lab', transport: 'stdio', command: 'node', args, env: { KEY: 'value-of-key' } } as const;
    const server = await http.call(routes.createMcpServer, { body });
    assert.deepEqual([server.last_error, server.tool_count], [null, 9]);
    for (const count of ['1', '2'])
      assert.match(JSON.stringify((await execute('mcp__lab__count', {})).result), new RegExp(`"${count}"`));
    assert.equal(readFileSync(dataOf('sandbox', 'mcp-files', 'default', server.id, 'count'), 'utf8'), '2');
    assert.equal(existsSync(dataOf('gateway', 'mcp-files')), false);
    await http.call(routes.deleteMcpServer, { params: { id: server.id } });
  });

  it('sees the skills that are there', async () => {
    const { stdout } = await execute('bash_execute', { command: 'bash /skills/tidy/tidy.sh; ls /skills' });
    assert.match(stdout, /^tidied by the sandbox\n/);
    assert.ok(stdout.split('\n').length > 3, 'those that come with Reeve are there too');
  });

  it('reaches the hosts that a policy here opens, from there, and each connection is audited here', async () => {
    const host = `localhost:${(inside.address() as AddressInfo).port}`;
    const overrides = { params: { id: 'default' }, body: { egress: { python_execute: [host] } } };
    await http.call(routes.putTenantOverrides, overrides);
    const code = `import http.client
for url in ['http://${host}/x', 'http://other.invalid/']:
    connection = http.client.HTTPConnection('127.0.0.1', 3128, timeout=10)
    connection.request('GET', url)
    answer = connection.getresponse()
    print(answer.status, answer.read().decode().strip())`;
    const session = newId();
    const { stdout } = await execute('python_execute', { code }, session);
    assert.equal(stdout, '200 hello /x\n403 other.invalid is not open to this program\n');
    const { entries } = await http.call(routes.listAudit, { query: { limit: 50 } });
    const told = entries.filter(({ action, details }) => /^EGRESS_/.test(action) && details['session_id'] === session);
    assert.deepEqual(told.map(({ action, details }) => `${action} ${String(details['host'])}`).toSorted(), [
      'EGRESS_ALLOWED localhost',
      'EGRESS_DENIED other.invalid',
    ]);
  });

  it('is in doubt where the sandbox is killed in the middle of a call, and is missing until it is back', async () => {
    const session = newId();
    const call = execute('bash_execute', { command: 'echo once >> count; sleep 30' }, session);
    await until(async () => existsSync(dataOf('sandbox', 'workspaces', 'default', session, 'count')));
    await sandbox.end('SIGKILL');
    assert.match(JSON.stringify((await call).result), /was lost while bash_execute ran .*may or may not have done/);
    await until(async () => (await toolNamed('note_word'))?.available === false);
    sandbox = await startSandbox(new URL(`http://${target}`).port);
    await until(async () => (await execute('note_word', { word: 'back' })).tool_status === 'success');
    assert.equal(readFileSync(dataOf('sandbox', 'workspaces', 'default', session, 'count'), 'utf8'), 'once\n');
  });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    assert.ok(tries < 300, 'it never came to hold');
    await pause(100);
  }
}
