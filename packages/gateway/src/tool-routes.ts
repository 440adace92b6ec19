import { recordAudit } from '@reeve/audit';
import { routes } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import type { App } from '@reeve/http';
import { toolRule, type Policies } from '@reeve/limits';
import { callTool, type ToolCalls, type ToolContextFor, type ToolsOf } from '@reeve/tools';

/** Calls of tools outside runs: under the policies of tenants, and in the audit log. */
export function createToolCalls(
  database: Database,
  toolsOf: ToolsOf,
  contextFor: ToolContextFor,
  policies: Pick<Policies, 'of'>,
): ToolCalls {
  return {
    toolsOf,
    contextFor,
    ruleOf: async (tenantId, tool) => toolRule(await policies.of(tenantId), tool),
    record: ({ tenantId, userId, traceId, tool, status, sessionId }) =>
      inTenant(database.db, tenantId, (tx) =>
        recordAudit(tx, [
          {
            tenantId,
            actor: userId,
            action: 'TOOL_EXECUTED',
            traceId,
            details: { tool, status, session_id: sessionId },
          },
        ]),
      ),
  };
}

/** Mounts the routes of tools. */
export function mountTools(app: App, calls: ToolCalls): void {
  app.mount(routes.listTools, async ({ principal: { tenantId } }) => ({
    tools: (await calls.toolsOf(tenantId)).list(),
  }));

  app.mount(routes.executeTool, async ({ principal: { tenantId, userId }, context, body, signal }) =>
    callTool(calls, { tenantId, userId, context }, body, signal),
  );
}
