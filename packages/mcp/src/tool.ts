import { JsonObject } from '@reeve/contract';
import type { Breaker } from '@reeve/kit';
import type { Tool } from '@reeve/tools';
import { keepResult, type RemoteResult } from './result.ts';
import { CONNECT_MS, toolName, type RemoteTool, type StoredServer } from './server.ts';

/** Calls the tool on its server. */
export type CallRemote = (input: Readonly<Record<string, unknown>>, signal: AbortSignal) => Promise<RemoteResult>;

/** A server’s tool as agents see it. The server validates the arguments. */
export function toTool(
  server: Pick<StoredServer, 'name' | 'timeoutMs'>,
  tool: RemoteTool,
  breaker: Breaker,
  call: CallRemote,
): Tool {
  return {
    name: toolName(server.name, tool.name),
    description: tool.description,
    effect: tool.effect,
    source: `mcp:${server.name}`,
    input: JsonObject,
    inputSchema: tool.input_schema,
    timeoutMs: server.timeoutMs + CONNECT_MS,
    breaker,
    execute: async (input, context) =>
      keepResult(await call(input as Readonly<Record<string, unknown>>, context.signal), context),
  };
}
