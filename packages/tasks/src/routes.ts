import type { NameAgent } from '@reeve/audit';
import { routes, type Approval, type JournalEntry, type Run, type TaskStatus } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import { requesterOf, type App } from '@reeve/http';
import { ReeveError } from '@reeve/kit';
import { cancelTask, retryTask } from './queue/change-task.ts';
import type { CheckTask } from './queue/agent-names.ts';
import { createEnqueuer } from './queue/enqueue.ts';
import { selectApprovalOfTask } from './approvals/store.ts';
import { countTasks, countWaiting, listTasks, selectPace, selectTask } from './queue/store/read.ts';
import type { TaskHandler } from './queue/task.ts';
import { cancelWorkflow, createWorkflow, pageOfWorkflows, readWorkflow } from './workflows/workflow.ts';

/** What is known of agents and tasks elsewhere. */
export interface TaskDetails {
  readonly nameAgent: NameAgent;
  readonly runs: (tx: Tx, tenantId: string, taskId: string) => Promise<Run[]>;
  readonly journal: (tx: Tx, tenantId: string, taskId: string) => Promise<JournalEntry[]>;
}

/** Mounts the routes of tasks and workflows. */
export function mountTasks(
  app: App,
  database: Database,
  handler: TaskHandler,
  check: CheckTask,
  details: TaskDetails,
): void {
  const enqueue = createEnqueuer(database, handler, check);

  app.mount(routes.createTask, async (call) => ({ task: await enqueue.task(requesterOf(call), call.body) }));
  app.mount(routes.createTaskBatch, async (call) => ({
    tasks: await enqueue.batch(requesterOf(call), call.body.tasks),
  }));

  app.mount(routes.listTasks, ({ principal: { tenantId }, query }) =>
    inTenant(database.db, tenantId, async (tx) => {
      const { limit, offset, agent_id, status, task_type, session_id, workflow_id, waiting_for, q } = query;
      const filter = {
        agentId: await details.nameAgent(tx, tenantId, agent_id),
        status,
        taskType: task_type,
        sessionId: session_id,
        workflowId: workflow_id,
        waitingFor: waiting_for,
        q,
      };
      return { ...(await listTasks(tx, tenantId, filter, { limit, offset })), limit, offset };
    }),
  );

  app.mount(routes.getTaskStats, ({ principal: { tenantId } }) =>
    inTenant(database.db, tenantId, async (tx) => {
      const counts = await countTasks(tx, tenantId);
      const waiting = await countWaiting(tx, tenantId);
      const pace = await selectPace(tx, tenantId);
      const byStatus = total(counts, ({ status }) => status) as Partial<Record<TaskStatus, number>>;
      const elsewhere = Object.values(waiting).reduce((sum, count) => sum + count, 0);
      return {
        by_status: byStatus,
        by_agent: total(counts, ({ agentId }) => agentId),
        by_type: total(counts, ({ taskType }) => taskType),
        by_waiting: { ...waiting, ready: Math.max(0, (byStatus.pending ?? 0) - elsewhere) },
        oldest_pending_age_s: pace.oldestPendingAgeS,
        completed_last_hour: pace.completedLastHour,
        failed_last_hour: pace.failedLastHour,
        throughput_per_minute: pace.perMinute,
      };
    }),
  );

  app.mount(routes.getTask, ({ principal: { tenantId }, params: { id } }) =>
    inTenant(database.db, tenantId, async (tx) => {
      const task = await selectTask(tx, tenantId, id);
      if (task === undefined) throw new ReeveError('not_found', `there is no task ${id}`);
      const approval: Approval | undefined = await selectApprovalOfTask(tx, tenantId, id);
      return {
        task,
        runs: await details.runs(tx, tenantId, id),
        journal: await details.journal(tx, tenantId, id),
        approval: approval ?? null,
      };
    }),
  );

  app.mount(routes.cancelTask, async (call) => ({
    task: await cancelTask(database, handler, requesterOf(call), call.params.id),
  }));
  app.mount(routes.retryTask, async (call) => ({
    task: await retryTask(database, handler, requesterOf(call), call.params.id),
  }));

  app.mount(routes.createWorkflow, (call) => createWorkflow(database, handler, check, requesterOf(call), call.body));
  app.mount(routes.listWorkflows, async ({ principal: { tenantId }, query }) => ({
    ...(await pageOfWorkflows(database, tenantId, query)),
    ...query,
  }));
  app.mount(routes.getWorkflow, ({ principal: { tenantId }, params: { id } }) => readWorkflow(database, tenantId, id));
  app.mount(routes.cancelWorkflow, (call) => cancelWorkflow(database, handler, requesterOf(call), call.params.id));
}

function total<T extends { count: number }>(rows: readonly T[], key: (row: T) => string): Record<string, number> {
  const totals: Record<string, number> = {};
  for (const row of rows) totals[key(row)] = (totals[key(row)] ?? 0) + row.count;
  return totals;
}
