import { readClientConfig, serverName, type NamedServer } from '@reeve/client/mcp-config';
import { routes, type McpServer } from '@reeve/contract';
import { readEnvironment } from '@reeve/server/config';
import type { Command } from 'commander';
import { connect, type Connection } from '../connect.ts';
import { EXIT, UsageError } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { addServers, allServers, type AddedServer, type AddOptions } from '../mcp/add-servers.ts';
import {
  collect,
  examples,
  exitWith,
  JSON_OPTION,
  readJsonFile,
  withListOptions,
  type ListOptions,
} from '../options.ts';
import {
  note,
  printFields,
  printJson,
  printList,
  printTable,
  wantsJson,
  type Column,
  type OutputOptions,
} from '../output.ts';

const COLUMNS: readonly Column<McpServer>[] = [
  ['NAME', ({ name }) => name],
  ['TOOLS', ({ tool_count }) => tool_count],
  ['STATE', ({ enabled, last_error: error }) => (enabled ? (error === null ? 'ok' : 'silent') : 'disabled')],
  ['SERVER', ({ url, command, args }) => url ?? [command, ...args].join(' ')],
];
const ADDED: readonly Column<AddedServer>[] = [
  ['NAME', ({ name }) => name],
  ['STATE', ({ state }) => state],
  ['TOOLS', ({ state, tools }) => (state === 'added' ? tools : null)],
  ['', ({ message }) => message],
];

type ImportOptions = OutputOptions & AddOptions;
type AddServerOptions = ImportOptions & {
  readonly url?: string;
  readonly header?: readonly string[];
  readonly env?: readonly string[];
};
const YES_OPTION = ['--yes', 'install packages without a question'] as const;

export function define(command: Command, io: CommandIo): void {
  withListOptions(command.command('list').description('MCP servers, and how many tools they have'))
    .addHelpText('after', examples('reeve mcp list'))
    .action(exitWith(io, list));
  command
    .command('import <file>')
    .description('add the servers of another client’s configuration; - reads standard input')
    .option(...YES_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', examples('reeve mcp import ~/.cursor/mcp.json', 'pbpaste | reeve mcp import - --yes'))
    .action(exitWith(io, importFile));
  command
    .command('add <name> [command...]')
    .description('add a server at an address, or a program behind --')
    .option('--url <url>', 'where it speaks Streamable HTTP')
    .option('--header <name=value>', 'a header of each request (repeatable)', collect)
    .option('--env <name=value>', 'a variable of the program (repeatable)', collect)
    .option(...YES_OPTION)
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      examples(
        'reeve mcp add github --url https://api.githubcopilot.com/mcp/ --header "Authorization=Bearer …"',
        'reeve mcp add time -- uvx mcp-server-time',
        'reeve mcp add files -- npx -y @modelcontextprotocol/server-filesystem /workspace',
      ),
    )
    .action(exitWith(io, add));
  command
    .command('test <name>')
    .description('connect to a server and read its tools, now')
    .option(...JSON_OPTION)
    .addHelpText('after', examples('reeve mcp test time'))
    .action(exitWith(io, test));
  command
    .command('remove <name>')
    .description('remove a server, with its tools')
    .addHelpText('after', examples('reeve mcp remove time'))
    .action(exitWith(io, remove));
}

async function list(io: CommandIo, options: ListOptions): Promise<number> {
  const { limit, offset } = options;
  await using connection = await connect(io, 'mcp list');
  const answer = await connection.client.call(routes.listMcpServers, { query: { limit, offset } });
  printList(io, answer, answer.servers, COLUMNS, options);
  return EXIT.done;
}

async function importFile(io: CommandIo, path: string, options: ImportOptions): Promise<number> {
  const servers = readClientConfig(await readJsonFile(io, path), readEnvironment(io));
  if (servers.length === 0)
    throw new UsageError('it names no servers: it must hold {"mcpServers": {"name": {"command": …} or {"url": …}}}');
  return addAll(io, 'mcp import', servers, options);
}

async function add(io: CommandIo, name: string, words: readonly string[], options: AddServerOptions): Promise<number> {
  const { url, header = [], env = [] } = options;
  const [command, ...args] = words;
  if ((url === undefined) === (command === undefined))
    throw new UsageError('give either --url, or the program and its arguments behind --');
  const server: NamedServer['server'] =
    url === undefined
      ? { kind: 'program', command: command!, args, env: pairs('--env', env) }
      : { kind: 'http', url, headers: pairs('--header', header) };
  return addAll(io, 'mcp add', [{ name: serverName(name), given: name, server }], options);
}

async function addAll(
  io: CommandIo,
  command: string,
  servers: readonly NamedServer[],
  options: ImportOptions,
): Promise<number> {
  await using connection = await connect(io, command);
  const added = await addServers(io, connection, servers, options);
  if (wantsJson(io, options)) printJson(io, { servers: added });
  else printTable(io, added, ADDED);
  const failed = added.filter(({ state }) => state === 'failed').length;
  if (failed === 0) return EXIT.done;
  return failed === added.length ? EXIT.failed : EXIT.partly;
}

async function test(io: CommandIo, name: string, options: OutputOptions): Promise<number> {
  await using connection = await connect(io, 'mcp test');
  const { id } = await serverNamed(connection, name);
  const result = await connection.client.call(routes.testMcpServer, { params: { id } });
  if (wantsJson(io, options)) printJson(io, result);
  else
    printFields(io, [
      ['state', result.ok ? 'ok' : 'failed'],
      ['error', result.error],
      ['server', [result.server_name, result.server_version].filter(Boolean).join(' ')],
      ['protocol', result.protocol_version],
      ['tools', result.tool_count],
      ['took', `${Math.round(result.latency_ms)} ms`],
    ]);
  return result.ok ? EXIT.done : EXIT.failed;
}

async function remove(io: CommandIo, name: string): Promise<number> {
  await using connection = await connect(io, 'mcp remove');
  const { id } = await serverNamed(connection, name);
  await connection.client.call(routes.deleteMcpServer, { params: { id } });
  note(io, `removed ${name}`);
  return EXIT.done;
}

async function serverNamed(connection: Connection, name: string): Promise<McpServer> {
  const servers = await allServers(connection);
  const found = servers.find((server) => server.name === name || server.id === name);
  if (found !== undefined) return found;
  throw new UsageError(
    `there is no MCP server ${name}; there are ${servers.map((server) => server.name).join(', ') || 'none'}`,
  );
}

function pairs(option: string, texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=');
      if (at < 1) throw new UsageError(`${option} must be name=value`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}
