import { recordAudit } from '@reeve/audit';
import { routes } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import type { App } from '@reeve/http';
import { newId, ReeveError } from '@reeve/kit';
import { toolRule, type Policies } from '@reeve/tenancy';
import { failedOutcome, type ToolContext, type ToolRegistry } from '@reeve/tools';

/** On whose behalf a tool is called outside a run. */
export type ToolContextFor = (
  who: { tenantId: string; sessionId: string; runId: string | null },
  idempotencyKey: string,
  signal: AbortSignal,
) => Promise<ToolContext>;

/** The tools of a tenant, now. */
export type ToolsOf = (tenantId: string) => Promise<ToolRegistry>;

/** Mounts the routes of tools. */
export function mountTools(
  app: App,
  database: Database,
  toolsOf: ToolsOf,
  contextFor: ToolContextFor,
  policies: Pick<Policies, 'of'>,
): void {
  app.mount(routes.listTools, async ({ principal: { tenantId } }) => ({ tools: (await toolsOf(tenantId)).list() }));

  app.mount(routes.executeTool, async ({ principal, context, body, signal }) => {
    const { tool_name: name, args = {}, code, session_id: sessionId = newId() } = body;
    const { tenantId, userId } = principal;
    const tools = await toolsOf(tenantId);
    if (tools.get(name) === undefined)
      throw new ReeveError('unknown_tool', `there is no tool ${name}; GET /api/v1/tools lists them`);
    const rule = toolRule(await policies.of(tenantId), name);
    const execute = async () =>
      tools.execute(
        name,
        code === undefined ? args : withCode(name, args, code),
        await contextFor({ tenantId, sessionId, runId: null }, context.requestId, signal),
      );
    const outcome = rule === 'allow' ? await execute() : failedOutcome('denied', DENIED[rule]);
    const details = { tool: name, status: outcome.tool_status, session_id: sessionId };
    await inTenant(database.db, tenantId, (tx) =>
      recordAudit(tx, [{ tenantId, actor: userId, action: 'TOOL_EXECUTED', traceId: context.traceId, details }]),
    );
    return outcome;
  });
}

const DENIED = {
  deny: 'this tenant does not allow this tool',
  approve: 'this tenant has a person asked about this tool first, which only a run can do',
} as const;

/** `code` stands for the argument that holds the program. */
function withCode(name: string, args: Readonly<Record<string, unknown>>, code: string): Record<string, unknown> {
  return { ...args, [name === 'bash_execute' ? 'command' : 'code']: code };
}
