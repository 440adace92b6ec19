import { AgentRef, text, TimeInput } from '@reeve/contract';
import { z } from 'zod';
import { defineTool, success } from '../tool.ts';

const YEAR_SECONDS = 366 * 24 * 60 * 60;

/** A task in the queue, for this agent or another, now or later. A repeat of the same call makes no second one. */
export const createTask = defineTool({
  name: 'create_task',
  description:
    'Puts a task into the queue for an agent, to be worked on by itself as soon as there is room, or later. It is not waited for: the result is the id of the task. Without `agent` the task is for yourself. The task is worked on in a new conversation that sees nothing of this one and none of its files: put all that is needed into the instructions. To wait for what another agent comes to, use delegate_to_agent.',
  effect: 'idempotent',
  timeoutMs: 30_000,
  input: z.strictObject({
    agent: AgentRef.optional().describe('The name (slug) of the agent; yourself where it is left out.'),
    title: text(1, 500).describe('What is to be done, in a line.'),
    instructions: text(0, 20_000).default('').describe('All that the agent needs to know.'),
    run_at: TimeInput.optional().describe('Not before this time, such as "2026-12-31T09:00:00Z".'),
    in_seconds: z.int().min(1).max(YEAR_SECONDS).optional().describe('Not before so many seconds from now.'),
  }),
  async execute({ agent, title, instructions, run_at, in_seconds }, { tasks, now }) {
    if (tasks === undefined) return refused('only a running agent can create a task; use POST /api/agents/tasks');
    if (run_at !== undefined && in_seconds !== undefined)
      return refused('give either "run_at" or "in_seconds", not both');
    const later = in_seconds === undefined ? run_at : new Date(now().getTime() + in_seconds * 1000).toISOString();
    const { id, agentId, runAt } = await tasks.create({ agent, title, description: instructions, runAt: later });
    return success({ task_id: id, agent: agentId, ...(runAt !== null && { run_at: runAt }) });
  },
});

function refused(error: string) {
  return { status: 'error', result: { error } } as const;
}
