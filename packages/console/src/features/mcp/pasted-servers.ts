import { readClientConfig, readPackageRun, startsContainer, type NamedServer } from '@reeve/client/mcp-config';
import type { NewMcpServer } from '../../api/mcp.ts';
import { readJson, type JsonFault } from '../../ui/json-object.ts';

/** A server of another client's configuration. */
export interface PastedServer {
  readonly name: string;
  /** Its address or its command. */
  readonly about: string;
  /** The request that adds it; undefined where it cannot be added from here. */
  readonly body: NewMcpServer | undefined;
  /** Why it cannot. */
  readonly note: string | undefined;
  /** What adds it on the machine where Reeve runs. */
  readonly command: string | undefined;
}

/** The servers of a text, or what is wrong with it; `taken` are the names that servers have already. */
export function readPasted(
  text: string,
  taken: readonly string[],
): { readonly servers: readonly PastedServer[]; readonly fault: JsonFault | null } {
  if (text.trim() === '') return { servers: [], fault: null };
  const read = readJson(text);
  if ('fault' in read) return { servers: [], fault: read.fault };
  const names = new Set(taken);
  const servers = readClientConfig(read.value, {}).map((server) => {
    const pasted = pastedOf(server, names.has(server.name));
    names.add(server.name);
    return pasted;
  });
  const fault = servers.length > 0 ? null : { line: undefined, message: 'names no servers' };
  return { servers, fault };
}

function pastedOf({ name, given, server }: NamedServer, isTaken: boolean): PastedServer {
  const about = aboutOf(server);
  const left = (note: string, command?: string): PastedServer => ({ name, about, body: undefined, note, command });
  if (name === '') return { ...left('Its name has no letter or digit: give it another one.'), name: given };
  if (isTaken) return left('A server of this name is there already.');
  switch (server.kind) {
    case 'sse':
      return left('It speaks SSE, which MCP has given up: ask for its address of Streamable HTTP.');
    case 'incomplete':
      return left(`Put values in place of ${server.variables.map((variable) => `\${${variable}}`).join(', ')}.`);
    case 'http':
      return { name, about, body: { name, url: server.url, headers: { ...server.headers } }, ...NOTHING };
    case 'program': {
      const { command, args, env } = server;
      if (startsContainer(command)) return left('It starts a container, which the sandbox cannot: name its package.');
      const run = readPackageRun(command, args);
      if (run === undefined)
        return {
          name,
          about,
          body: { name, transport: 'stdio', command, args: [...args], env: { ...env } },
          ...NOTHING,
        };
      const variables = Object.keys(env).map((variable) => `--env ${variable}="$${variable}"`);
      const words = ['npm run reeve -- mcp add', name, ...variables, '--', ...[command, ...args].map(quoted)];
      return left('Its package is installed first, by the command line:', words.join(' '));
    }
  }
}

const NOTHING = { note: undefined, command: undefined };

function aboutOf(server: NamedServer['server']): string {
  if (server.kind === 'http') return server.url.replace(/\?.*/s, '?…');
  return server.kind === 'program' ? [server.command, ...server.args].join(' ') : '';
}

/** A word as a shell takes it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
