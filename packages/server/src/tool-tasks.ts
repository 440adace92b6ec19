import { TaskInput } from '@reeve/contract';
import type { Database } from '@reeve/db';
import { checkTask } from '@reeve/gateway';
import { createAgentTask } from '@reeve/tasks';
import type { ToolTasks } from '@reeve/tools';

/** The queue as the tools of a run see it: the run's agent is the author of their tasks, which share the run's trace. */
export function createToolTasks(
  database: Database,
  { tenantId, agentSlug: agent, traceId }: { tenantId: string; agentSlug: string; traceId: string },
  idempotencyKey: string,
): ToolTasks {
  return {
    async create({ agent: ref = agent, title, description, runAt }) {
      const input = TaskInput.parse({ agent_id: ref, task_type: 'agent_task', title, description, run_at: runAt });
      const maker = { tenantId, agent, traceId, idempotencyKey };
      const { id, agent_id: agentId, run_at } = await createAgentTask(database, checkTask, maker, input);
      return { id, agentId, runAt: run_at };
    },
  };
}
