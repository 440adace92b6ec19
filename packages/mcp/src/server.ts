import { createHash } from 'node:crypto';
import { MASKED, type BreakerState } from '@reeve/kit';
import type { McpServer, McpTool } from '@reeve/contract';
import { z } from 'zod';

/*
 * A tenant's MCP server is a record: its target (a URL or a program), its headers or variables, and its tool list as last
 * read. The list is stored so that every process knows the tools and the effect of repeating a call, even while the server
 * is down. `revision` counts changes of the target; lists read under an older revision are discarded.
 */

/** A tool as the server described it, truncated to the limits of storage. */
export const RemoteTool = z.object({
  name: z.string(),
  description: z.string(),
  effect: z.enum(['none', 'idempotent', 'external']),
  input_schema: z.record(z.string(), z.unknown()),
});
export type RemoteTool = z.infer<typeof RemoteTool>;

/** A server at a URL. */
export interface HttpTarget {
  readonly transport: 'http';
  readonly url: string;
  /** Sent with every request; contain secrets. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A server that runs as a program in the sandbox. */
export interface StdioTarget {
  readonly transport: 'stdio';
  readonly command: string;
  readonly args: readonly string[];
  /** Contain secrets. */
  readonly env: Readonly<Record<string, string>>;
}

/** Where a server is and what it receives. */
export type Target = HttpTarget | StdioTarget;

/** What is needed to call a server. */
export interface ServerEndpoint {
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  readonly target: Target;
  /** Time limit per call. */
  readonly timeoutMs: number;
}

export interface StoredServer extends ServerEndpoint {
  readonly enabled: boolean;
  readonly revision: number;
  readonly toolCount: number;
  readonly protocolVersion: string | null;
  readonly serverName: string | null;
  readonly serverVersion: string | null;
  readonly listedAt: Date | null;
  readonly checkedAt: Date | null;
  readonly lastError: string | null;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** The tool list is old enough to be read again. */
  readonly isDue: boolean;
}

/** A server with its tool list, which may be long. */
export interface ListedServer extends StoredServer {
  readonly tools: readonly RemoteTool[];
}

/** The description that a server returned. */
export interface ToolListing {
  readonly tools: readonly RemoteTool[];
  readonly protocolVersion: string | null;
  readonly serverName: string | null;
  readonly serverVersion: string | null;
}

/** Time for version negotiation, and for each page of the tool list. */
export const CONNECT_MS = 10_000;
/** The longest tool name that every model provider accepts. */
const NAME_LENGTH = 64;
const DIGEST_LENGTH = 8;

/** A server for the API, without the values of headers, query parameters and variables. */
export function shownServer(server: StoredServer, breaker: BreakerState): McpServer {
  const { id, name, target, enabled } = server;
  return {
    id,
    tenant_id: server.tenantId,
    name,
    ...shownTarget(target),
    enabled,
    timeout_ms: server.timeoutMs,
    tool_count: server.toolCount,
    protocol_version: server.protocolVersion,
    server_name: server.serverName,
    server_version: server.serverVersion,
    breaker,
    listed_at: server.listedAt?.toISOString() ?? null,
    checked_at: server.checkedAt?.toISOString() ?? null,
    last_error: server.lastError,
    created_by: server.createdBy,
    created_at: server.createdAt.toISOString(),
    updated_at: server.updatedAt.toISOString(),
  };
}

function shownTarget(target: Target): Pick<McpServer, 'transport' | 'url' | 'headers' | 'command' | 'args' | 'env'> {
  if (target.transport === 'stdio') {
    const { transport, command, args, env } = target;
    return { transport, url: null, headers: {}, command, args: [...args], env: shownValues(env) };
  }
  const { transport, url, headers } = target;
  return { transport, url: shownUrl(url), headers: shownValues(headers), command: null, args: [], env: {} };
}

function shownValues(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.keys(values).map((name) => [name, MASKED]));
}

/** The server’s host or program, for messages. */
export function displayName(target: Target): string {
  return target.transport === 'http' ? new URL(target.url).host : `the program ${target.command}`;
}

/** A URL without its query values, which are often keys. */
export function shownUrl(url: string): string {
  const { origin, pathname, searchParams } = new URL(url);
  const query = [...searchParams.keys()].map((name) => `${encodeURIComponent(name)}=${MASKED}`).join('&');
  return `${origin}${pathname}${query === '' ? '' : `?${query}`}`;
}

/** A server’s tool for the API. */
export function shownTool({ name: server }: Pick<StoredServer, 'name'>, tool: RemoteTool): McpTool {
  return { ...tool, name: toolName(server, tool.name), remote_name: tool.name };
}

/**
 * The name of a server's tool for agents: `mcp__<server>__<tool>`, at most 64 letters, digits, `-` and `_`. A name that does
 * not fit ends in a digest of the original, so that names stay unique.
 */
export function toolName(server: string, tool: string): string {
  const plain = tool.replace(/[^A-Za-z0-9_-]/g, '_');
  const name = `mcp__${server}__${plain}`;
  if (plain === tool && name.length <= NAME_LENGTH) return name;
  const digest = createHash('sha256').update(tool).digest('hex').slice(0, DIGEST_LENGTH);
  return `${name.slice(0, NAME_LENGTH - DIGEST_LENGTH - 1)}_${digest}`;
}
