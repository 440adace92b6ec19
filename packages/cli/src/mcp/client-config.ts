import { isRecord } from '@reeve/kit';
import { UsageError } from '../failure.ts';

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
  | { readonly kind: 'unusable'; readonly why: string };

export interface NamedServer {
  /** As Reeve names it: lower-case letters, digits, `-` and `_`. */
  readonly name: string;
  /** As the file names it. */
  readonly given: string;
  readonly server: ConfiguredServer;
}

/** Reads the servers of a file. Throws UsageError where it has none. */
export function readClientConfig(
  file: Readonly<Record<string, unknown>>,
  variables: Readonly<Record<string, string | undefined>>,
): NamedServer[] {
  const nested = isRecord(file['mcp']) ? file['mcp']['servers'] : undefined;
  const found = [file['mcpServers'], file['servers'], nested, file].find(isMap);
  if (found === undefined)
    throw new UsageError('it names no servers: it must hold {"mcpServers": {"name": {"command": …} or {"url": …}}}');
  return Object.entries(found).map(([given, entry]) => ({
    given,
    name: serverName(given),
    server: readServer(entry, variables),
  }));
}

function isMap(value: unknown): value is Record<string, Record<string, unknown>> {
  if (!isRecord(value)) return false;
  const entries = Object.values(value);
  return entries.length > 0 && entries.every((entry) => isRecord(entry) && isServer(entry));
}

function isServer(entry: Readonly<Record<string, unknown>>): boolean {
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

function readServer(
  entry: Readonly<Record<string, unknown>>,
  variables: Readonly<Record<string, string | undefined>>,
): ConfiguredServer {
  const missing = new Set<string>();
  const expand = (text: string) =>
    text.replace(/\$\{(?:env:)?([^}]+)\}/g, (whole, name: string) => {
      const value = variables[name];
      if (value === undefined) missing.add(name);
      return value ?? whole;
    });
  const map = (value: unknown) =>
    Object.fromEntries(
      Object.entries(isRecord(value) ? value : {}).map(([name, text]) => [name, expand(String(text as string))]),
    );
  const server = ((): ConfiguredServer => {
    const url = [entry['url'], entry['serverUrl'], entry['httpUrl']].find((one) => typeof one === 'string');
    if (url !== undefined) {
      if (entry['type'] === 'sse' || entry['transport'] === 'sse')
        return {
          kind: 'unusable',
          why: 'it speaks SSE, which MCP has given up: ask for its address of Streamable HTTP',
        };
      return { kind: 'http', url: expand(url), headers: map(entry['headers'] ?? requestHeaders(entry)) };
    }
    const args = Array.isArray(entry['args']) ? (entry['args'] as unknown[]).map((one) => expand(String(one))) : [];
    return { kind: 'program', command: expand(String(entry['command'])), args, env: map(entry['env']) };
  })();
  if (missing.size === 0) return server;
  return { kind: 'unusable', why: `it needs ${[...missing].join(', ')} in the environment of this command` };
}

function requestHeaders(entry: Readonly<Record<string, unknown>>): unknown {
  return isRecord(entry['requestInit']) ? entry['requestInit']['headers'] : undefined;
}
