import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readClientConfig, readPackageRun, serverName } from './mcp-config.ts';

const time = { command: 'uvx', args: ['mcp-server-time'] };
const program = { kind: 'program', command: 'uvx', args: ['mcp-server-time'], env: {} };

describe('the MCP configuration of another client', () => {
  it('is read in each of its forms', () => {
    for (const file of [
      { mcpServers: { time } },
      { servers: { time: { type: 'stdio', ...time } }, inputs: [] },
      { mcp: { servers: { time } }, 'editor.fontSize': 12 },
      { mcpServers: { time: { ...time, disabled: false, autoApprove: ['now'] } }, theme: 'dark' },
      { time },
    ])
      assert.deepEqual(readClientConfig(file, {}), [{ name: 'time', given: 'time', server: program }]);
  });

  it('has servers at addresses, by the names that clients have for them', () => {
    const url = 'https://mcp.example.com/mcp';
    const headers = { Authorization: 'Bearer abc' };
    const file = {
      mcpServers: {
        one: { url, headers },
        two: { type: 'http', serverUrl: url },
        three: { type: 'streamable-http', httpUrl: url, requestInit: { headers } },
      },
    };
    assert.deepEqual(
      readClientConfig(file, {}).map(({ server }) => server),
      [
        { kind: 'http', url, headers },
        { kind: 'http', url, headers: {} },
        { kind: 'http', url, headers },
      ],
    );
    const [sse] = readClientConfig({ mcpServers: { old: { type: 'sse', url } } }, {});
    assert.deepEqual(sse?.server, { kind: 'sse' });
  });

  it('takes variables from the environment, and names those that are missing', () => {
    const file = {
      mcpServers: {
        files: {
          command: '${HOME}/bin/files',
          args: ['--root', '${env:ROOT}'],
          env: { TOKEN: '${TOKEN}', PLAIN: '$5' },
        },
      },
    };
    const variables = { HOME: '/home/ada', ROOT: '/data' };
    const [missing] = readClientConfig(file, variables);
    assert.deepEqual(missing?.server, { kind: 'incomplete', variables: ['TOKEN'] });
    const [whole] = readClientConfig(file, { ...variables, TOKEN: 's3' });
    assert.deepEqual(whole?.server, {
      kind: 'program',
      command: '/home/ada/bin/files',
      args: ['--root', '/data'],
      env: { TOKEN: 's3', PLAIN: '$5' },
    });
  });

  it('has none where it names none', () => {
    for (const file of [
      {},
      { mcpServers: {} },
      { mcpServers: { a: {} } },
      { servers: [] },
      { a: 1 },
      null,
      'text',
      [1],
    ])
      assert.deepEqual(readClientConfig(file, {}), [], JSON.stringify(file));
  });

  it('has names that Reeve takes', () => {
    assert.equal(serverName('GitHub Server (beta)'), 'github-server-beta');
    assert.equal(serverName('sequential_thinking'), 'sequential_thinking');
    assert.equal(serverName('x'.repeat(40)), 'x'.repeat(32));
  });
});

describe('a command that fetches a package', () => {
  const cases: readonly (readonly [line: string, expected: string | undefined])[] = [
    ['npx -y @scope/server-files /workspace', 'npm @scope/server-files - /workspace'],
    ['npx @scope/server@1.2.3', 'npm @scope/server@1.2.3 -'],
    ['npx --yes --package=@scope/tools run-files --all', 'npm @scope/tools run-files --all'],
    ['npx -p @scope/tools run-files', 'npm @scope/tools run-files'],
    ['cmd /c npx -y server-time', 'npm server-time -'],
    ['/usr/local/bin/npx -y server-time', 'npm server-time -'],
    ['bunx server-time', 'npm server-time -'],
    ['pnpm dlx server-time --utc', 'npm server-time - --utc'],
    ['uvx mcp-server-time --local-timezone=Europe/Bern', 'pip mcp-server-time - --local-timezone=Europe/Bern'],
    ['uvx --from git-tools mcp-server-git -r /workspace', 'pip git-tools mcp-server-git -r /workspace'],
    ['uvx --python 3.12 mcp-server-time@2025.1.0', 'pip mcp-server-time@2025.1.0 -'],
    ['uv tool run mcp-server-time', 'pip mcp-server-time -'],
    ['pipx run mcp-server-time', 'pip mcp-server-time -'],
    ['npx', undefined],
    ['node /mcp/server.js npx', undefined],
    ['uv run server.py', undefined],
  ];
  for (const [line, expected] of cases)
    it(`is ${expected ?? 'none'} in “${line}”`, () => {
      const [command, ...args] = line.split(' ');
      const run = readPackageRun(command!, args);
      const told = run && [run.manager, run.spec, run.program ?? '-', ...run.args].join(' ');
      assert.equal(told, expected);
    });
});
