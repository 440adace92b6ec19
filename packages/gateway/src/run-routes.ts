import { routes } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import type { App } from '@reeve/http';
import { ReeveError } from '@reeve/kit';
import { cancelRun, listRuns, listSteps, selectRun, type Feed } from '@reeve/runs';
import type { TaskHandler } from '@reeve/tasks';
import { streamOf } from './doors.ts';

/** Mounts the routes of runs. */
export function mountRuns(app: App, database: Database, feed: Feed, handler: TaskHandler): void {
  app.mount(
    routes.listRuns,
    ({ principal: { tenantId }, query: { limit, offset, agent_id, session_id, task_id, status, trace_id } }) =>
      inTenant(database.db, tenantId, async (tx) => {
        const filter = { agent: agent_id, sessionId: session_id, taskId: task_id, status, traceId: trace_id };
        return { ...(await listRuns(tx, tenantId, filter, { limit, offset })), limit, offset };
      }),
  );

  app.mount(routes.getRun, async ({ principal: { tenantId }, params: { id } }) => {
    const run = await inTenant(database.db, tenantId, (tx) => selectRun(tx, tenantId, id));
    if (run === undefined) throw noRun(id);
    return run;
  });

  app.mount(routes.listSteps, ({ principal: { tenantId }, params: { id }, query: { limit, offset } }) =>
    inTenant(database.db, tenantId, async (tx) => {
      if ((await selectRun(tx, tenantId, id)) === undefined) throw noRun(id);
      return { ...(await listSteps(tx, tenantId, id, { limit, offset })), limit, offset };
    }),
  );

  app.mount(routes.streamRun, async ({ principal: { tenantId }, params: { id }, query, header }) => {
    const run = await inTenant(database.db, tenantId, (tx) => selectRun(tx, tenantId, id));
    if (run === undefined) throw noRun(id);
    return streamOf(feed, tenantId, id, query.after ?? lastEventId(header('last-event-id')));
  });

  app.mount(routes.cancelRun, ({ principal, context, params: { id } }) =>
    cancelRun(
      database,
      handler,
      { tenantId: principal.tenantId, userId: principal.userId, traceId: context.traceId },
      id,
    ),
  );
}

function lastEventId(header: string | undefined): number {
  if (header === undefined || header === '') return 0;
  if (/^\d{1,9}$/.test(header)) return Number(header);
  const message = 'must be the number of an event';
  throw new ReeveError('invalid_request', `Last-Event-ID ${message}`, {
    details: [{ path: 'Last-Event-ID', message }],
  });
}

function noRun(id: string): ReeveError {
  return new ReeveError('not_found', `there is no run ${id}`);
}
