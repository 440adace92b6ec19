import { Id, MESSAGE_LENGTH, text } from '@reeve/contract';
import { requesterOf, type Call } from '@reeve/http';
import { ReeveError, type Log } from '@reeve/kit';
import { startRun, waitForRun, type StartParts } from '@reeve/runs';
import { z } from 'zod';
import { WAIT_MS } from './protocol.ts';

/** What runs are started with. */
export interface McpRunParts extends StartParts {
  readonly log: Log;
}

/** Who calls a tool, and for how long they stay. */
export type McpCaller = Pick<Call<unknown>, 'principal' | 'context' | 'signal'>;

/** What an agent is given to do. */
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

/** Starts a run and waits for its end. One that takes longer than the caller waits goes on, and is said to be running. */
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
