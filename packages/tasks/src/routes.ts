import { routes } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import type { App, Call } from '@reeve/http';
import { ReeveError } from '@reeve/kit';
import { cancelTask, retryTask } from './change.ts';
import { enqueueTask, type CheckTask, type Requester } from './enqueue.ts';
import { countTasks, listTasks, selectPace, selectTask } from './store.ts';
import type { TaskHandler } from './task.ts';

/** Mounts the routes of tasks. */
export function mountTasks(app: App, database: Database, handler: TaskHandler, check: CheckTask): void {
  app.mount(routes.createTask, async (call) => ({
    task: await enqueueTask(database, requesterOf(call), call.body, check),
  }));

  app.mount(
    routes.listTasks,
    ({ principal: { tenantId }, query: { limit, offset, agent_id, status, task_type, session_id, q } }) =>
      inTenant(database.db, tenantId, async (tx) => {
        const filter = { agentId: agent_id, status, taskType: task_type, sessionId: session_id, q };
        return { ...(await listTasks(tx, tenantId, filter, { limit, offset })), limit, offset };
      }),
  );

  app.mount(routes.getTaskStats, ({ principal: { tenantId } }) =>
    inTenant(database.db, tenantId, async (tx) => {
      const counts = await countTasks(tx, tenantId);
      const { oldestPendingAgeS, completedLastHour } = await selectPace(tx, tenantId);
      return {
        by_status: total(counts, ({ status }) => status),
        by_agent: total(counts, ({ agentId }) => agentId),
        by_type: total(counts, ({ taskType }) => taskType),
        oldest_pending_age_s: oldestPendingAgeS,
        completed_last_hour: completedLastHour,
      };
    }),
  );

  app.mount(routes.getTask, ({ principal: { tenantId }, params: { id } }) =>
    inTenant(database.db, tenantId, async (tx) => {
      const task = await selectTask(tx, tenantId, id);
      if (task === undefined) throw new ReeveError('not_found', `there is no task ${id}`);
      return { task };
    }),
  );

  app.mount(routes.cancelTask, async (call) => ({
    task: await cancelTask(database, handler, requesterOf(call), call.params.id),
  }));
  app.mount(routes.retryTask, async (call) => ({ task: await retryTask(database, requesterOf(call), call.params.id) }));
}

function requesterOf({ principal, context }: Pick<Call<unknown>, 'principal' | 'context'>): Requester {
  return { tenantId: principal.tenantId, userId: principal.userId, traceId: context.traceId };
}

function total<T extends { count: number }>(rows: readonly T[], key: (row: T) => string): Record<string, number> {
  const totals: Record<string, number> = {};
  for (const row of rows) totals[key(row)] = (totals[key(row)] ?? 0) + row.count;
  return totals;
}
