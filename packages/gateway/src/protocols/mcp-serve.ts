import {
  createMcpHandler,
  isLegacyRequest,
  McpServer,
  WebStandardStreamableHTTPServerTransport,
  type CallToolResult,
} from '@modelcontextprotocol/server';
import { ROLES } from '@reeve/contract';
import { failureTold, type Call } from '@reeve/http';
import type { McpCaller } from './mcp-run.ts';
import { addPrompts } from './mcp-prompts.ts';
import { addResources } from './mcp-resources.ts';
import { agentTools, mcpTools, type McpParts, type ServedTool } from './mcp-tools.ts';

/** Headers that MCP reads. */
const READ = ['content-type', 'mcp-protocol-version', 'mcp-method', 'mcp-name'];
/** Answers are JSON, whatever the caller accepts. */
const ACCEPT: [string, string] = ['accept', 'application/json, text/event-stream'];

const INSTRUCTIONS =
  'Reeve runs AI agents. Give an agent work with its own tool (agent__…) or with run_agent; work that takes long goes on, and get_run tells what became of it. create_task puts work into the queue instead. remember and recall are the memory that agents share.';

/** Answers one message. The body is JSON, or empty. */
export async function serveMcp(
  parts: McpParts,
  call: Pick<Call<unknown>, 'principal' | 'context' | 'signal' | 'header'>,
  message: unknown,
): Promise<{ status: number; body: Uint8Array }> {
  const headers = READ.flatMap((name): [string, string][] => {
    const value = call.header(name);
    return value === undefined ? [] : [[name, value]];
  });
  const request = new Request('http://reeve/mcp', {
    method: 'POST',
    headers: [ACCEPT, ...headers],
    body: JSON.stringify(message),
  });
  const offered = [...mcpTools(parts), ...(await agentTools(parts, call.principal.tenantId, calledIn(message)))];
  const server = serverFor(parts, call, offered);
  const response = (await isLegacyRequest(request, message))
    ? await answerLegacy(server, request, message)
    : await answerModern(parts, server, request, message);
  const body = new Uint8Array(await response.arrayBuffer());
  await server.close();
  return { status: response.status, body };
}

async function answerLegacy(server: McpServer, request: Request, parsedBody: unknown): Promise<Response> {
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
  await server.connect(transport);
  return transport.handleRequest(request, { parsedBody });
}

function answerModern({ log }: McpParts, server: McpServer, request: Request, parsedBody: unknown): Promise<Response> {
  const onerror = (error: Error) => log.debug({ err: error }, 'an MCP request was refused');
  // Nothing here changes while a client listens, so no stream is opened for that.
  return createMcpHandler(() => server, { legacy: 'reject', maxSubscriptions: 0, onerror }).fetch(request, {
    parsedBody,
  });
}

/** A server with the tools that the caller's role may use, and with what everybody may read. */
function serverFor(parts: McpParts, caller: McpCaller, offered: readonly ServedTool[]): McpServer {
  const server = new McpServer(
    { name: 'reeve', version: parts.version },
    {
      instructions: INSTRUCTIONS,
      capabilities: {
        tools: { listChanged: false },
        resources: { listChanged: false },
        prompts: { listChanged: false },
      },
    },
  );
  addResources(server, parts, caller.principal.tenantId);
  addPrompts(server, parts.skills);
  const rank = ROLES.indexOf(caller.principal.role);
  for (const { name, description, access, effect, input: inputSchema, call } of offered) {
    if (ROLES.indexOf(access) > rank) continue;
    const annotations = {
      readOnlyHint: effect === 'none',
      idempotentHint: effect !== 'external',
      openWorldHint: false,
    };
    server.registerTool(name, { description, inputSchema, annotations }, async (input) => {
      try {
        return resultOf(await call(caller, input));
      } catch (thrown) {
        const failure = failureTold(thrown);
        if (failure.code === 'internal') parts.log.error({ err: thrown, tool: name }, 'an MCP tool failed');
        const { error, code, run_id } = failure;
        return { ...resultOf({ error, code, ...(run_id !== undefined && { run_id }) }), isError: true };
      }
    });
  }
  return server;
}

/** Models are shown the text; programs read the structure. */
function resultOf(structuredContent: Record<string, unknown>): CallToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(structuredContent) }], structuredContent };
}

/** The tool that a message calls, or `*` for the tool list. */
function calledIn(message: unknown): string | undefined {
  const { method, params } = message as { method?: unknown; params?: { name?: unknown } | null };
  if (method === 'tools/list') return '*';
  return method === 'tools/call' && typeof params?.name === 'string' ? params.name : undefined;
}
