import { AgentRef, Id, text } from '@reeve/contract';
import { z } from 'zod';
import { defineTool } from '../tool.ts';

/** Work for another agent: a run of its own, which the run that calls this waits for. */
export const delegateToAgent = defineTool({
  name: 'delegate_to_agent',
  description:
    'Gives work to another agent, waits until it is done, and answers with its result. The other agent sees nothing of this conversation and none of its files: put all that it needs into the message, and say what you want back. Calls that are made together are worked on at the same time. An agent that does not exist is answered with a list of those that do. The result names a session_id; give it to go on with the same agent where it left off.',
  effect: 'idempotent',
  timeoutMs: 30_000,
  input: z.strictObject({
    agent: AgentRef.describe('The name (slug) of the agent.'),
    message: text(1, 200_000).describe('What it shall do, with everything it needs to know.'),
    session_id: Id.optional().describe('The session_id of an earlier result of this agent, to go on there.'),
  }),
  delegation: ({ agent, message, session_id: sessionId }) => ({ agent, message, sessionId }),
  execute: () =>
    Promise.resolve({
      status: 'error',
      result: {
        error: 'only a running agent can delegate; to start an agent, use an endpoint such as /execute',
      },
    }),
});
