import { recordAudit } from '@reeve/audit';
import type { TaskInput, Workflow, WorkflowInput, WorkflowSummary } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { invalidField, newId, ReeveError } from '@reeve/kit';
import { checkInputs, type CheckTask } from '../queue/agent-names.ts';
import { cancelPending } from '../queue/end-task.ts';
import { insertGated } from '../queue/insert-gated.ts';
import type { Requester } from '../queue/requester.ts';
import { queueTransaction } from '../queue/queue-transaction.ts';
import { lockTasks } from '../queue/store/lock.ts';
import { insertWorkflow, listWorkflows, selectWorkflow, selectWorkflowTasks } from './store.ts';
import type { Paging } from '../queue/store/read.ts';
import type { TaskHandler } from '../queue/task.ts';

/**
 * Adds a graph of tasks to the queue, all or none. Throws `invalid_request`, naming the task, for a duplicate key, an unknown key
 * or a cycle.
 */
export async function createWorkflow(
  database: Database,
  handler: TaskHandler,
  check: CheckTask,
  requester: Requester,
  input: WorkflowInput,
): Promise<Workflow> {
  requireGraph(input.tasks);
  const id = newId();
  const ids = new Map(input.tasks.map(({ key }) => [key, newId()]));
  const followed = new Set(input.tasks.flatMap(({ depends_on }) => depends_on));
  const given = input.tasks.map(({ key: _, ...task }): TaskInput => ({
    ...task,
    depends_on: task.depends_on.map((dependency) => ids.get(dependency)!),
  }));
  const tasks = await checkInputs(database, check, requester.tenantId, given);
  await insertGated(database, handler, requester, tasks, {
    places: input.tasks.map(({ key }) => ({
      id: ids.get(key)!,
      workflowId: id,
      workflowKey: key,
      runAnyway: input.on_failure === 'run_anyway',
      notifiesOnEnd: followed.has(key),
    })),
    alongside: async (tx) => {
      await insertWorkflow(tx, { ...requester, id, title: input.title, onFailure: input.on_failure });
      await recordAudit(tx, [
        {
          ...requester,
          actor: requester.userId,
          action: 'WORKFLOW_CREATED',
          details: { workflow_id: id, tasks: tasks.length },
        },
      ]);
    },
  });
  return readWorkflow(database, requester.tenantId, id);
}

/** A workflow with its tasks. Throws `not_found`. */
export function readWorkflow(database: Database, tenantId: string, id: string): Promise<Workflow> {
  return inTenant(database.db, tenantId, async (tx) => {
    const workflow = await selectWorkflow(tx, tenantId, id);
    if (workflow === undefined) throw new ReeveError('not_found', `there is no workflow ${id}`);
    const tasks = await selectWorkflowTasks(tx, tenantId, id);
    return { ...workflow, tasks: tasks.map((task) => ({ ...task, key: task.workflow_key ?? '' })) };
  });
}

/** A page of workflows, newest first. */
export function pageOfWorkflows(
  database: Database,
  tenantId: string,
  paging: Paging,
): Promise<{ workflows: WorkflowSummary[]; total: number }> {
  return inTenant(database.db, tenantId, (tx) => listWorkflows(tx, tenantId, paging));
}

/** Cancels every task of a workflow that has not ended. Throws `not_found`, and `conflict` where all have. */
export async function cancelWorkflow(
  database: Database,
  handler: TaskHandler,
  requester: Requester,
  id: string,
): Promise<Workflow> {
  const { tenantId, userId } = requester;
  const { tasks } = await readWorkflow(database, tenantId, id);
  await queueTransaction(database, handler, tenantId, async (tx, effects) => {
    let cancelled = 0;
    // All at once and so in the order of their ids, as the completion outbox locks them.
    await lockTasks(
      tx,
      tasks.map((task) => task.id),
    );
    // Dependents first: the end of a dependency would cancel them with a reason that says less.
    for (const task of tasks.toReversed())
      if (await cancelPending(tx, handler, tenantId, task.id, `cancelled by ${userId}`, effects, userId))
        cancelled += 1;
    if (cancelled === 0) throw new ReeveError('conflict', 'every task of the workflow has ended');
    await recordAudit(tx, [{ ...requester, actor: userId, action: 'TASK_CANCELLED', details: { workflow_id: id } }]);
  });
  return readWorkflow(database, tenantId, id);
}

/** Throws `invalid_request` unless the keys are unique, those depended on are there, and no task depends on itself by any way. */
export function requireGraph(tasks: readonly { key: string; depends_on: readonly string[] }[]): void {
  const byKey = new Map<string, { index: number; dependsOn: readonly string[] }>();
  for (const [index, { key, depends_on }] of tasks.entries()) {
    if (byKey.has(key)) throw invalidField(`tasks.${index}.key`, `${key} is there twice`);
    byKey.set(key, { index, dependsOn: depends_on });
  }
  for (const [index, { depends_on }] of tasks.entries())
    for (const [position, key] of depends_on.entries())
      if (!byKey.has(key))
        throw invalidField(`tasks.${index}.depends_on.${position}`, `${key} is not the key of a task`);
  const cycle = findCycle(new Map([...byKey].map(([key, { dependsOn }]) => [key, dependsOn])));
  if (cycle === undefined) return;
  const { index } = byKey.get(cycle[0]!)!;
  throw invalidField(`tasks.${index}.depends_on`, `these wait for each other: ${[...cycle, cycle[0]].join(' → ')}`);
}

/** The keys of one cycle in order, or undefined. Walks with a stack of its own: a thousand tasks in a row are fine. */
function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  for (const root of graph.keys()) {
    const path: { key: string; next: number }[] = [{ key: root, next: 0 }];
    const onPath = new Set([root]);
    while (path.length > 0 && !done.has(root)) {
      const top = path.at(-1)!;
      const key = graph.get(top.key)?.[top.next++];
      if (key === undefined) {
        done.add(top.key);
        onPath.delete(top.key);
        path.pop();
      } else if (onPath.has(key)) {
        const keys = path.map((one) => one.key);
        return keys.slice(keys.indexOf(key));
      } else if (!done.has(key)) {
        path.push({ key, next: 0 });
        onPath.add(key);
      }
    }
  }
  return undefined;
}
