import type { Task, TaskInput } from '@reeve/contract';
import type { Database } from '@reeve/db';
import { idOf, ReeveError } from '@reeve/kit';
import type { CheckTask } from './agent-names.ts';
import { insertQueued } from './insert-task.ts';
import { queueTransaction } from './queue-transaction.ts';
import { countMadeByAgents, lockTrace } from './store/agent-task.ts';
import { selectTask } from './store/read.ts';

/** An agent at work that adds a task to the queue. */
export interface TaskMaker {
  readonly tenantId: string;
  /** Slug. */
  readonly agent: string;
  readonly traceId: string;
  /** The same on a repeat of the same call. */
  readonly idempotencyKey: string;
}

/**
 * Tasks that agents may make in one trace within 24 hours. A task's run has its task's trace, so this bounds all that follows from
 * one request, however many agents pass it on to one another. A client may use one trace id for ever: hence the hours.
 */
const MAX_IN_TRACE = 100;

/**
 * Adds a task for an agent at work; a repeat with the same key returns the existing task. Throws what `check` throws, and
 * `limit_reached` when agents have made as many tasks in the trace as they may.
 */
export async function createAgentTask(
  database: Database,
  check: CheckTask,
  { tenantId, agent, traceId, idempotencyKey }: TaskMaker,
  input: TaskInput,
): Promise<Task> {
  const id = idOf(`task ${tenantId} ${idempotencyKey}`);
  return queueTransaction(database, null, tenantId, async (tx, effects) => {
    await lockTrace(tx, tenantId, traceId);
    const before = await selectTask(tx, tenantId, id);
    if (before !== undefined) return before;
    const agentId = await check(tx, tenantId, input.agent_id, input.task_type);
    if ((await countMadeByAgents(tx, tenantId, traceId)) >= MAX_IN_TRACE)
      throw new ReeveError(
        'limit_reached',
        `agents have made ${MAX_IN_TRACE} tasks for this request within a day, which is the limit: do the rest yourself, or say what is left`,
      );
    const requester = { tenantId, userId: `agent:${agent}`, traceId };
    return insertQueued(tx, requester, { ...input, agent_id: agentId }, effects, id);
  });
}
