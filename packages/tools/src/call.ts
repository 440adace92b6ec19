import type { ExecuteToolInput, ToolOutcome } from '@reeve/contract';
import { newId, ReeveError, type RequestContext } from '@reeve/kit';
import type { OutputStream } from '@reeve/sandbox';
import { failedOutcome } from './outcome.ts';
import type { ToolRegistry } from './registry.ts';
import type { ToolContext } from './tool.ts';

/** On whose behalf a tool is called. */
export type ToolContextFor = (
  who: { tenantId: string; sessionId: string; runId: string | null },
  idempotencyKey: string,
  signal: AbortSignal,
) => Promise<ToolContext>;

/** The tools of a tenant, now. */
export type ToolsOf = (tenantId: string) => Promise<ToolRegistry>;

/** A call outside a run, whose outcome is known. */
export interface ToolCallMade {
  readonly tenantId: string;
  readonly userId: string;
  readonly traceId: string;
  readonly tool: string;
  readonly status: ToolOutcome['tool_status'];
  readonly sessionId: string;
}

/** Executes tool calls outside runs, for every endpoint that accepts them. */
export interface ToolCalls {
  readonly toolsOf: ToolsOf;
  readonly contextFor: ToolContextFor;
  /** What the tenant says of a tool. */
  ruleOf(tenantId: string, tool: string): Promise<'allow' | 'deny' | 'approve'>;
  /** Keeps that a call was made. */
  record(made: ToolCallMade): Promise<void>;
}

export interface ToolCaller {
  readonly tenantId: string;
  readonly userId: string;
  readonly context: RequestContext;
  /** True where the caller has kept the tenant's rules itself, as Reeve's own roles do before they call another. */
  readonly hasKeptRules?: boolean;
  readonly onOutput?: ((stream: OutputStream, text: string) => void) | undefined;
}

/**
 * Calls a tool for a tenant's session under the tenant's rules, and keeps that it was called. Throws `unknown_tool`, `cancelled`
 * where the signal aborts, and what the endpoint's own parts throw.
 */
export async function callTool(
  { toolsOf, contextFor, ruleOf, record }: ToolCalls,
  { tenantId, userId, context, hasKeptRules = false, onOutput }: ToolCaller,
  { tool_name: name, args = {}, code, session_id: sessionId = newId() }: ExecuteToolInput,
  signal: AbortSignal,
): Promise<ToolOutcome> {
  const tools = await toolsOf(tenantId);
  if (tools.get(name) === undefined)
    throw new ReeveError('unknown_tool', `there is no tool ${name}; GET /api/v1/tools lists them`);
  const rule = hasKeptRules ? 'allow' : await ruleOf(tenantId, name);
  const execute = async () => {
    const on = await contextFor({ tenantId, sessionId, runId: null }, context.requestId, signal);
    return tools.execute(name, code === undefined ? args : withCode(name, args, code), { ...on, onOutput });
  };
  const keep = (status: ToolOutcome['tool_status']) =>
    record({ tenantId, userId, traceId: context.traceId, tool: name, status, sessionId });
  try {
    const outcome = rule === 'allow' ? await execute() : failedOutcome('denied', DENIED[rule]);
    await keep(outcome.tool_status);
    return outcome;
  } catch (thrown) {
    // One that its caller gave up may have done something all the same.
    if (['cancelled', 'shutting_down'].includes(ReeveError.from(thrown).reason)) await keep('error');
    throw thrown;
  }
}

const DENIED = {
  deny: 'this tenant does not allow this tool',
  approve: 'this tenant has a person asked about this tool first, which only a run can do',
} as const;

/** `code` stands for the argument that holds the program. */
function withCode(name: string, args: Readonly<Record<string, unknown>>, code: string): Record<string, unknown> {
  return { ...args, [name === 'bash_execute' ? 'command' : 'code']: code };
}
