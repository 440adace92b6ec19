import { routes } from '@reeve/contract';
import { inTenant } from '@reeve/db';
import { lastEventId, requesterOf, type App } from '@reeve/http';
import { ReeveError } from '@reeve/kit';
import { cancelRun, forkRun, listRuns, listSteps, selectRun, type StartParts } from '@reeve/runs';
import { streamOf } from './run-endpoints.ts';

const EVENT_NUMBER = /^\d{1,9}$/;

/** Mounts the routes of runs. */
export function mountRuns(app: App, parts: StartParts): void {
  const { database, feed, handler } = parts;
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
    return streamOf(feed, tenantId, id, query.after ?? Number(lastEventId(header, EVENT_NUMBER) ?? 0));
  });

  app.mount(routes.forkRun, (call) => {
    const { from_step: fromStep, message } = call.body;
    return forkRun(parts, { requester: requesterOf(call), runId: call.params.id, fromStep, message });
  });

  app.mount(routes.cancelRun, (call) => cancelRun(database, handler, requesterOf(call), call.params.id));
}

function noRun(id: string): ReeveError {
  return new ReeveError('not_found', `there is no run ${id}`);
}
