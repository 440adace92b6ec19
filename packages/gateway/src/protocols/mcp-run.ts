import { Id, MESSAGE_LENGTH, text } from '@reeve/contract';
import { requesterOf, type Call } from '@reeve/http';
import { ReeveError, type Log } from '@reeve/kit';
import { startRun, waitForRun, type StartParts } from '@reeve/runs';
import { z } from 'zod';
import { WAIT_MS } from './protocol.ts';

/** What is needed to start runs. */
export interface McpRunParts extends StartParts {
  readonly log: Log;
}

/** The caller of a tool, with the signal of its request. */
export type McpCaller = Pick<Call<unknown>, 'principal' | 'context' | 'signal'>;

/** Arguments of the tools that run an agent. */
export const AgentWork = z.strictObject({
  message: text(1, MESSAGE_LENGTH).describe('What the agent shall do, with everything it needs to know.'),
  session_id: Id.optional().describe('The session_id of an earlier result, to go on there.'),
  timeout_ms: z
    .int()
    .min(1)
    .max(600_000)
    .default(WAIT_MS)
    .describe('How long to wait for the result. The run goes on after that.'),
});

/** Starts a run and waits for its end. A run that outlasts the wait continues and is reported as running. */
export async function runAgent(
  parts: McpRunParts,
  caller: McpCaller,
  agent: string,
  { message, session_id: sessionId, timeout_ms: waitMs }: z.output<typeof AgentWork>,
): Promise<Record<string, unknown>> {
  const { tenantId } = caller.principal;
  const started = await startRun(parts, {
    requester: requesterOf(caller),
    source: 'mcp',
    agent,
    input: message,
    payload: { message },
    sessionId,
  });
  const told = { run_id: started.runId, session_id: started.sessionId, agent: started.agent };
  try {
    const { result } = await waitForRun(parts.feed, tenantId, started.runId, waitMs, caller.signal);
    return { status: result.status, result: result.result, ...told, usage: result.usage, steps: result.steps };
  } catch (thrown) {
    const error = ReeveError.from(thrown);
    if (error.reason !== 'timeout') throw error;
    return { status: 'running', ...told, message: error.message };
  }
}
