import { recordAudit } from '@reeve/audit';
import type { Task, TaskInput } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import { newId, ReeveError } from '@reeve/kit';
import type { Claim } from './task.ts';
import {
  insertDependencies,
  insertLease,
  insertReady,
  insertTask,
  insertTimer,
  lockTasks,
  selectTask,
} from './store.ts';

/** Who asks for a task, and in which trace. */
export interface Requester {
  readonly tenantId: string;
  readonly userId: string;
  readonly traceId: string;
}

/**
 * Checks that an agent can do a type of task and answers the agent's stored name; throws `unknown_agent` or
 * `unknown_task_type`. The queue itself does not know what a task means.
 */
export type CheckTask = (tx: Tx, tenantId: string, agentId: string, taskType: string) => Promise<string>;

/** Puts a task into the queue and wakes a worker. Throws `invalid_request` for a dependency that is not there. */
export async function enqueueTask(
  database: Database,
  requester: Requester,
  input: TaskInput,
  check: CheckTask,
): Promise<Task> {
  if (input.requires_approval) {
    const message = 'approvals of tasks are not built yet; leave requires_approval out';
    throw new ReeveError('invalid_request', `requires_approval: ${message}`, {
      details: [{ path: 'requires_approval', message }],
    });
  }
  const task = await inTenant(database.db, requester.tenantId, async (tx) => {
    const agentId = await check(tx, requester.tenantId, input.agent_id, input.task_type);
    const id = await insert(tx, requester, { ...input, agent_id: agentId });
    await insertWaiting(tx, requester.tenantId, id, input);
    return read(tx, requester.tenantId, id);
  });
  database.notify('reeve_tasks', '');
  return task;
}

/**
 * Inserts a task that its maker works on at once: it is never ready, but leased from the start, in the caller's
 * transaction. The caller hands the claim to its worker once the transaction has committed.
 */
export async function insertClaimed(
  tx: Tx,
  requester: Requester,
  input: TaskInput,
  owner: string,
  leaseMs: number,
): Promise<Claim> {
  const id = await insert(tx, requester, input);
  const epoch = await insertLease(tx, id, requester.tenantId, owner, leaseMs);
  return { task: await read(tx, requester.tenantId, id), epoch, attempt: 1 };
}

/** Inserts a task for any worker, in the caller's transaction; the caller notifies `reeve_tasks` after it. */
export async function insertQueued(tx: Tx, requester: Requester, input: TaskInput): Promise<Task> {
  const id = await insert(tx, requester, input);
  await insertWaiting(tx, requester.tenantId, id, input);
  return read(tx, requester.tenantId, id);
}

async function insert(tx: Tx, { tenantId, userId, traceId }: Requester, input: TaskInput): Promise<string> {
  const id = newId();
  await insertTask(tx, {
    id,
    tenantId,
    agentId: input.agent_id,
    taskType: input.task_type,
    priority: input.priority,
    title: input.title,
    description: input.description ?? null,
    payload: input.payload,
    runAt: input.run_at ? new Date(input.run_at) : null,
    dependsOn: [...new Set(input.depends_on)],
    maxAttempts: input.max_attempts,
    sessionId: input.session_id ?? null,
    traceId,
    createdBy: userId,
  });
  await recordAudit(tx, [
    {
      tenantId,
      actor: userId,
      action: 'TASK_CREATED',
      traceId,
      taskId: id,
      details: { agent: input.agent_id, type: input.task_type },
    },
  ]);
  return id;
}

/** Puts a new task where it waits: for others first, then for its time, else it is ready. */
async function insertWaiting(tx: Tx, tenantId: string, id: string, input: TaskInput): Promise<void> {
  const open = await openDependencies(tx, tenantId, [...new Set(input.depends_on)]);
  const dueAt = input.run_at ? new Date(input.run_at) : null;
  if (open.length > 0) await insertDependencies(tx, tenantId, id, open);
  else if (dueAt !== null) await insertTimer(tx, { taskId: id, tenantId, dueAt, reason: 'schedule' });
  else await insertReady(tx, [{ id, tenantId, priority: input.priority }]);
}

/** Those of the dependencies that have not ended; they stay locked, so that none ends unseen until the commit. */
async function openDependencies(tx: Tx, tenantId: string, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const found = await lockTasks(tx, tenantId, ids);
  const missing = ids.filter((id) => !found.some((task) => task.id === id));
  const failed = found.filter(({ status }) => status === 'failed' || status === 'cancelled');
  const problem =
    missing[0] !== undefined ? `${missing[0]} is not a task` : failed[0] && `${failed[0].id} is ${failed[0].status}`;
  if (problem !== undefined) {
    throw new ReeveError('invalid_request', `depends_on: ${problem}`, {
      details: [{ path: 'depends_on', message: problem }],
    });
  }
  return found.filter(({ status }) => status === 'pending').map(({ id }) => id);
}

async function read(tx: Tx, tenantId: string, id: string): Promise<Task> {
  const task = await selectTask(tx, tenantId, id);
  if (task === undefined) throw new ReeveError('internal', `task ${id} vanished in its own transaction`);
  return task;
}
