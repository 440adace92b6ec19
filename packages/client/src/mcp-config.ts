export { readPackageRun } from './package-run.ts';
export type { PackageRun } from './package-run.ts';

/*
 * What other clients of MCP keep of their servers, which is nearly the same JSON everywhere: `mcpServers` of Claude Desktop, Cursor
 * and most others, `servers` of VS Code, alone or under `mcp`; or the map of servers by itself.
 */

/** A server as it stands in such a file. */
export type ConfiguredServer =
  | { readonly kind: 'http'; readonly url: string; readonly headers: Readonly<Record<string, string>> }
  | {
      readonly kind: 'program';
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
    }
  /** It speaks SSE alone, which MCP has given up. */
  | { readonly kind: 'sse' }
  /** Variables that its entry names have no value here. */
  | { readonly kind: 'incomplete'; readonly variables: readonly string[] };

export interface NamedServer {
  /** As Reeve names it: lower-case letters, digits, `-` and `_`. */
  readonly name: string;
  /** As the file names it. */
  readonly given: string;
  readonly server: ConfiguredServer;
}

/** Reads the servers of such a file, none where it has none. `variables` stand for `${NAME}` in it. */
export function readClientConfig(
  file: unknown,
  variables: Readonly<Record<string, string | undefined>>,
): NamedServer[] {
  const whole = fieldsOf(file);
  const found = [whole['mcpServers'], whole['servers'], fieldsOf(whole['mcp'])['servers'], file]
    .map((one) => Object.entries(fieldsOf(one)))
    .find((entries) => entries.length > 0 && entries.every(([, entry]) => isServer(fieldsOf(entry))));
  return (found ?? []).map(([given, entry]) => ({
    given,
    name: serverName(given),
    server: readServer(fieldsOf(entry), variables),
  }));
}

type Fields = Readonly<Record<string, unknown>>;

/** The fields of a JSON object; of anything else, none. */
function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function isServer(entry: Fields): boolean {
  return ['command', 'url', 'serverUrl', 'httpUrl'].some((field) => typeof entry[field] === 'string');
}

/** A name that Reeve takes, made from one that it may not take. */
export function serverName(given: string): string {
  return given
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/[-_]{2,}/g, '-')
    .slice(0, 32)
    .replace(/^[-_]+|[-_]+$/g, '');
}

function readServer(entry: Fields, variables: Readonly<Record<string, string | undefined>>): ConfiguredServer {
  const missing = new Set<string>();
  const expand = (text: unknown) =>
    String(text).replace(/\$\{(?:env:)?([^}]+)\}/g, (whole, name: string) => {
      const value = variables[name];
      if (value === undefined) missing.add(name);
      return value ?? whole;
    });
  const map = (value: unknown) =>
    Object.fromEntries(Object.entries(fieldsOf(value)).map(([name, text]) => [name, expand(text)]));
  const server = ((): ConfiguredServer => {
    const url = [entry['url'], entry['serverUrl'], entry['httpUrl']].find((one) => typeof one === 'string');
    if (url !== undefined) {
      if (entry['type'] === 'sse' || entry['transport'] === 'sse') return { kind: 'sse' };
      const headers = entry['headers'] ?? fieldsOf(entry['requestInit'])['headers'];
      return { kind: 'http', url: expand(url), headers: map(headers) };
    }
    const args: unknown[] = Array.isArray(entry['args']) ? entry['args'] : [];
    return { kind: 'program', command: expand(entry['command']), args: args.map(expand), env: map(entry['env']) };
  })();
  return missing.size === 0 ? server : { kind: 'incomplete', variables: [...missing] };
}

/** Whether a command starts a container, which the sandbox cannot. */
export function startsContainer(command: string): boolean {
  return /(?:^|[\\/])(?:docker|podman)(?:\.exe)?$/.test(command);
}
