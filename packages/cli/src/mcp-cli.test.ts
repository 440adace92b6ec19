import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { silentLog } from '@reeve/kit';
import { openSandbox } from '@reeve/sandbox';
import { createShell, type ShellServer, type TestShell } from '../test/shell.ts';
import { runJson } from '../test/served-shell.ts';

const sandbox = await openSandbox({ sandboxBackend: 'auto' }, silentLog);
await sandbox.whenProbed();
after(() => sandbox[Symbol.asyncDispose]());
const skip = sandbox.unavailable('node') ?? false;

interface Added {
  readonly servers: readonly { name: string; state: string; tools: number; message: string | null }[];
}

/** A server of MCP that needs nothing but Node: one tool, which says what it was started with. */
const PROGRAM = `#!/usr/bin/env node
let rest = '';
process.stdin.on('data', (part) => {
  const lines = (rest + part).split('\\n');
  rest = lines.pop();
  for (const line of lines) {
    const { id, method, params } = JSON.parse(line);
    const answer = (result) => id !== undefined && process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n');
    if (method === 'initialize')
      answer({ protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'echo', version: '1.0.0' } });
    else if (method === 'tools/list')
      answer({ tools: [{ name: 'echo', description: process.argv.slice(2).join(' '), inputSchema: { type: 'object' } }] });
    else if (id !== undefined)
      process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'no such method' } }) + '\\n');
  }
});
`;

suite('MCP servers on the command line', { skip }, () => {
  let shell: TestShell;
  let server: ShellServer;
  // npm is where whoever runs the tests has it.
  const environment = { PATH: process.env['PATH']! };
  before(async () => {
    shell = await createShell();
    server = await shell.serve();
    const directory = join(shell.directory, 'echo');
    mkdirSync(directory);
    writeFileSync(join(directory, 'index.mjs'), PROGRAM, { mode: 0o755 });
    writeFileSync(
      join(directory, 'package.json'),
      JSON.stringify({ name: 'echo-server', version: '1.0.0', bin: { 'echo-server': 'index.mjs' } }),
    );
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await shell[Symbol.asyncDispose]();
  });

  const write = (servers: object) =>
    writeFileSync(join(shell.directory, 'mcp.json'), JSON.stringify({ mcpServers: servers }));
  const echo = { command: 'npx', args: ['-y', './echo', '--loud'] };

  test('a file of another client is taken whole: packages are installed once and run in the sandbox', async () => {
    write({
      'Echo Server': echo,
      broken: { command: 'docker', args: ['run', 'mcp/time'] },
      keyed: { url: 'https://mcp.example.com/mcp', headers: { Authorization: 'Bearer ${NO_SUCH_KEY}' } },
    });
    const refused = await shell.run(['mcp', 'import', 'mcp.json', '--json'], { environment });
    assert.equal(refused.code, 1);
    const said = JSON.parse(refused.stdout) as Added;
    assert.deepEqual(
      said.servers.map(({ name, state }) => [name, state]),
      [
        ['echo-server', 'failed'],
        ['broken', 'failed'],
        ['keyed', 'failed'],
      ],
    );
    assert.match(said.servers[0]!.message!, /would install \.\/echo into .*mcp: say --yes/);
    assert.match(said.servers[1]!.message!, /docker, which the sandbox does not have/);
    assert.match(said.servers[2]!.message!, /needs NO_SUCH_KEY/);

    const { servers } = await runJson<Added>(shell, ['mcp', 'import', 'mcp.json', '--yes', '--json'], 3, {
      environment,
    });
    assert.deepEqual(
      servers.map(({ name, state, tools, message }) => [name, state, tools, name === 'echo-server' ? message : '']),
      [
        ['echo-server', 'added', 1, null],
        ['broken', 'failed', 0, ''],
        ['keyed', 'failed', 0, ''],
      ],
    );
    const listed = await runJson<{ servers: { name: string; args: string[] }[] }>(shell, ['mcp', 'list', '--json']);
    assert.deepEqual(
      listed.servers.map(({ name, args }) => [name, args]),
      [['echo-server', ['/mcp/node_modules/echo-server/index.mjs', '--loud']]],
    );
    const tools = await shell.run(['tools', 'list', '--json']);
    assert.match(tools.stdout, /mcp__echo-server__echo/);
  });

  test('a second import says what is there already', async () => {
    write({ 'Echo Server': echo });
    const { servers } = await runJson<Added>(shell, ['mcp', 'import', 'mcp.json', '--yes', '--json'], 0, {
      environment,
    });
    assert.deepEqual(
      servers.map(({ name, state }) => [name, state]),
      [['echo-server', 'there']],
    );
  });

  test('one is added, tested and removed by its name', async () => {
    const added = await runJson<Added>(
      shell,
      ['mcp', 'add', 'quiet', '--yes', '--json', '--', 'npx', '-y', './echo', 'hush'],
      0,
      { environment },
    );
    assert.deepEqual([added.servers[0]!.state, added.servers[0]!.tools], ['added', 1]);
    const tested = await runJson<{ ok: boolean; server_name: string }>(shell, ['mcp', 'test', 'quiet', '--json']);
    assert.deepEqual([tested.ok, tested.server_name], [true, 'echo']);
    assert.equal((await shell.run(['mcp', 'remove', 'quiet'])).code, 0);
    const gone = await shell.run(['mcp', 'test', 'quiet']);
    assert.equal(gone.code, 2);
    assert.match(gone.stderr, /no MCP server quiet; there are echo-server/);
  });

  test('what cannot work is said before anything is done', async () => {
    const none = await shell.run(['mcp', 'add', 'x']);
    assert.deepEqual([none.code, /either --url, or the program/.test(none.stderr)], [2, true]);
    const broken = await shell.run(['mcp', 'import', '-'], { input: '{"mcpServers": {}}' });
    assert.deepEqual([broken.code, /names no servers/.test(broken.stderr)], [2, true]);
    const unknown = await shell.run(['mcp', 'add', 'y', '--yes', '--json', '--', 'npx', './nothing-here'], {
      environment,
    });
    assert.equal(unknown.code, 1);
    assert.match((JSON.parse(unknown.stdout) as Added).servers[0]!.message!, /npm could not install/);
  });

  test('a person at the terminal is asked first', async () => {
    const command = shell.start(['mcp', 'add', 'asked', '--', 'npx', './echo'], { environment, terminal: true });
    await command.printed('[y/N]');
    command.type('n\n');
    const { code } = await command.ended;
    assert.equal(code, 1);
    assert.match(command.shown(), /was not installed/);
  });
});
