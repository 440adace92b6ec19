import { routes } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import type { App } from '@reeve/http';
import { listJournal, listMemoryEvents } from './journal-store.ts';

/** Mounts the routes of the journal and of memory events. */
export function mountJournal(app: App, database: Database): void {
  app.mount(routes.listJournal, ({ principal: { tenantId }, query: { limit, offset, ...query } }) => {
    const filter = { agentId: query.agent_id, taskId: query.task_id, traceId: query.trace_id, type: query.type };
    return inTenant(database.db, tenantId, async (tx) => ({
      ...(await listJournal(tx, tenantId, filter, { limit, offset })),
      limit,
      offset,
    }));
  });

  app.mount(routes.listMemoryEvents, ({ principal: { tenantId }, query: { limit, offset, ...query } }) => {
    const filter = { agentId: query.agent_id, taskId: query.task_id, traceId: query.trace_id, type: query.type };
    return inTenant(database.db, tenantId, async (tx) => ({
      ...(await listMemoryEvents(tx, tenantId, filter, { limit, offset })),
      limit,
      offset,
    }));
  });
}
