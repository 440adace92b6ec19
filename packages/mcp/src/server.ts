import { createHash } from 'node:crypto';
import { MASKED, type BreakerState } from '@reeve/kit';
import type { McpServer, McpTool } from '@reeve/contract';
import { z } from 'zod';

/*
 * An MCP server of a tenant is a record: where it is, what goes along with each request, and the list of its tools as it was
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

/** Where a server is and how it is asked. */
export interface ServerTarget {
  readonly url: string;
  /** With their secrets. */
  readonly headers: Readonly<Record<string, string>>;
  /** For one call. */
  readonly timeoutMs: number;
}

export interface StoredServer extends ServerTarget {
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
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

/** A server as it is shown: without a value of its headers or of its address's query. */
export function shownServer(server: StoredServer, breaker: BreakerState): McpServer {
  const { id, name, enabled } = server;
  return {
    id,
    tenant_id: server.tenantId,
    name,
    transport: 'http',
    url: shownUrl(server.url),
    headers: Object.fromEntries(Object.keys(server.headers).map((header) => [header, MASKED])),
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
