import { createHash } from 'node:crypto';
import { MASKED, type BreakerState } from '@reeve/kit';
import type { McpServer, McpTool } from '@reeve/contract';
import { z } from 'zod';

/*
 * An MCP server of a tenant is a record: what it is (an address or a program), what it is given, and the list of its tools as it was
 * last read. The list is kept so that every process knows the tools, and what repeating a call of one would do, also while
 * the server is down. `revision` counts the changes of where and how it is asked; what was read under an older one is dropped.
 */

/** A tool as a server told of it, cut to what can be kept. */
export const RemoteTool = z.object({
  name: z.string(),
  description: z.string(),
  effect: z.enum(['none', 'idempotent', 'external']),
  input_schema: z.record(z.string(), z.unknown()),
});
export type RemoteTool = z.infer<typeof RemoteTool>;

/** A server at an address. */
export interface HttpTarget {
  readonly transport: 'http';
  readonly url: string;
  /** Go along with every request, with their secrets. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A server that is a program of the sandbox. */
export interface StdioTarget {
  readonly transport: 'stdio';
  readonly command: string;
  readonly args: readonly string[];
  /** With their secrets. */
  readonly env: Readonly<Record<string, string>>;
}

/** What a server is, and what it is given. */
export type Target = HttpTarget | StdioTarget;

/** What it takes to ask a server. */
export interface Askable {
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  readonly target: Target;
  /** For one call. */
  readonly timeoutMs: number;
}

export interface StoredServer extends Askable {
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
  /** Its list is old enough to be read again. */
  readonly isDue: boolean;
}

/** A server with its list, which may be long. */
export interface ListedServer extends StoredServer {
  readonly tools: readonly RemoteTool[];
}

/** What a server told of itself. */
export interface Listing {
  readonly tools: readonly RemoteTool[];
  readonly protocolVersion: string | null;
  readonly serverName: string | null;
  readonly serverVersion: string | null;
}

/** Time for finding out what a server speaks, and for reading its list. */
export const CONNECT_MS = 10_000;
/** Longest name of a tool that every provider of models takes. */
const NAME_LENGTH = 64;
const DIGEST_LENGTH = 8;

/** A server as it is shown: without a value of its headers, of its address's query, or of its variables. */
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

/** What people call a server that they know by its address or its program. */
export function placeOf(target: Target): string {
  return target.transport === 'http' ? new URL(target.url).host : `the program ${target.command}`;
}

/** An address without the values of its query, which are often keys. */
export function shownUrl(url: string): string {
  const { origin, pathname, searchParams } = new URL(url);
  const query = [...searchParams.keys()].map((name) => `${encodeURIComponent(name)}=${MASKED}`).join('&');
  return `${origin}${pathname}${query === '' ? '' : `?${query}`}`;
}

/** A server's tool as it is shown. */
export function shownTool({ name: server }: Pick<StoredServer, 'name'>, tool: RemoteTool): McpTool {
  return { ...tool, name: toolName(server, tool.name), remote_name: tool.name };
}

/**
 * What agents call a server's tool: `mcp__<server>__<tool>`, in letters, digits, `-` and `_`, at most 64 of them. Where
 * the server's own name does not fit, the end is a digest of it, so that no two become one.
 */
export function toolName(server: string, tool: string): string {
  const plain = tool.replace(/[^A-Za-z0-9_-]/g, '_');
  const name = `mcp__${server}__${plain}`;
  if (plain === tool && name.length <= NAME_LENGTH) return name;
  const digest = createHash('sha256').update(tool).digest('hex').slice(0, DIGEST_LENGTH);
  return `${name.slice(0, NAME_LENGTH - DIGEST_LENGTH - 1)}_${digest}`;
}
