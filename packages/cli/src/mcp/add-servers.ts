import { createInterface } from 'node:readline/promises';
import { readPackageRun, startsContainer, type NamedServer } from '@reeve/client/mcp-config';
import { routes, type McpServer, type McpServerInput } from '@reeve/contract';
import { isLoopback } from '@reeve/kit';
import { mcpDirectoryOf } from '@reeve/server/config';
import type { Connection } from '../connect.ts';
import { failureOf, UsageError } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { note } from '../output.ts';
import { readAll } from '../pages.ts';
import { installPackage } from './install.ts';

/** What became of a server. `failed`: it was not added. `silent`: it was, and does not answer yet. */
export interface AddedServer {
  readonly name: string;
  readonly state: 'added' | 'silent' | 'there' | 'failed';
  readonly tools: number;
  readonly message: string | null;
}

export interface AddOptions {
  /** Packages are installed without a question. */
  readonly yes?: boolean;
}

/** Adds servers one after another; one that fails stops no other. */
export async function addServers(
  io: CommandIo,
  connection: Connection,
  servers: readonly NamedServer[],
  options: AddOptions,
): Promise<AddedServer[]> {
  const there = new Set((await allServers(connection)).map(({ name }) => name));
  const added: AddedServer[] = [];
  for (const { name, server } of servers) {
    const tell = (state: AddedServer['state'], message: string | null, tools = 0) =>
      void added.push({ name, state, tools, message });
    if (there.has(name)) {
      tell('there', 'a server of this name is there already');
      continue;
    }
    if (server.kind === 'sse' || server.kind === 'incomplete') {
      tell('failed', whyUnusable(server));
      continue;
    }
    try {
      const input =
        server.kind === 'http'
          ? { name, url: server.url, headers: { ...server.headers } }
          : { name, transport: 'stdio' as const, ...(await programOf(io, connection, server, options)) };
      const made = await connection.client.call(routes.createMcpServer, { body: input });
      there.add(name);
      if (made.last_error === null) tell('added', null, made.tool_count);
      else tell('silent', made.last_error);
    } catch (error) {
      const { message, details } = await failureOf(io, error);
      tell('failed', [message, ...details.map((one) => `${one.path}: ${one.message}`)].join('; '));
    }
  }
  return added;
}

export function allServers({ client }: Connection): Promise<McpServer[]> {
  return readAll(async (query) => {
    const { servers: rows, total } = await client.call(routes.listMcpServers, { query });
    return { rows, total };
  });
}

function whyUnusable(server: Extract<NamedServer['server'], { kind: 'sse' | 'incomplete' }>): string {
  if (server.kind === 'sse') return 'it speaks SSE, which MCP has given up: ask for its address of Streamable HTTP';
  return `it needs ${server.variables.join(', ')} in the environment of this command`;
}

type Program = Required<Pick<McpServerInput, 'command' | 'args' | 'env'>>;

/** What Reeve starts for a program; the package of `npx` and the like is installed first. */
async function programOf(
  io: CommandIo,
  { config }: Connection,
  { command, args, env }: Extract<NamedServer['server'], { kind: 'program' }>,
  options: AddOptions,
): Promise<Program> {
  if (startsContainer(command))
    throw new UsageError(`it is started with ${command}, which the sandbox does not have: name its package instead`);
  const run = readPackageRun(command, args);
  if (run === undefined) return { command, args: [...args], env: { ...env } };
  if (config.url !== undefined && !isHere(config.url))
    throw new UsageError(`${run.spec} must be installed where the server is, ${config.url}: run this command there`);
  const folder = mcpDirectoryOf(config);
  await requireConsent(io, `${run.spec} into ${folder}`, options);
  note(io, `installing ${run.spec} …`);
  const program = await installPackage(io, folder, run);
  return { command: program.command, args: [...program.args], env: { ...program.env, ...env } };
}

function isHere(url: string): boolean {
  return isLoopback(new URL(url).hostname.replace(/^\[(.*)\]$/, '$1'));
}

/** Asks the person at the terminal. Throws UsageError where there is none, or the answer is no. */
async function requireConsent(io: CommandIo, what: string, { yes = false }: AddOptions): Promise<void> {
  if (yes) return;
  if (io.stdin.isTTY !== true || io.stderr.isTTY !== true)
    throw new UsageError(`it would install ${what}: say --yes to agree`);
  const lines = createInterface({ input: io.stdin, output: io.stderr });
  try {
    const answer = await lines.question(`Install ${what}? [y/N] `);
    if (!/^y(?:es)?$/i.test(answer.trim())) throw new UsageError(`${what} was not installed`);
  } finally {
    lines.close();
  }
}
