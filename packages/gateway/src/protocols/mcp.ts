import { routes } from '@reeve/contract';
import { Reply, type App } from '@reeve/http';
import type { McpParts } from './mcp-tools.ts';

/*
 * Reeve as an MCP server, without sessions: each request is answered by a server that is made for its caller and gone after it.
 * What a run is started for goes on when the caller goes away, as with every protocol; `cancel_run` stops it.
 */

/** Mounts MCP over Streamable HTTP. GET and DELETE, which are of sessions, are not allowed there. */
export function mountMcp(app: App, parts: McpParts): void {
  app.mount(routes.mcp, async (call) => {
    // Loaded with the first request: starting does not wait for it.
    const { serveMcp } = await import('./mcp-serve.ts');
    const { status, body } = await serveMcp(parts, call, call.sent);
    return body.length === 0 ? new Reply(status, '', 'text/plain') : new Reply(status, body);
  });
}
