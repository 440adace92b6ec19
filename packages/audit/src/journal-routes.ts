import { routes } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import type { App } from '@reeve/http';
import { listJournal, listMemoryEvents } from './journal-store.ts';

/** The name under which an agent is stored, of its id or slug in any case; what names none is answered as it is. */
export type NameAgent = (tx: Tx, tenantId: string, ref: string | undefined) => Promise<string | undefined>;

/** Mounts the routes of the journal and of memory events. */
export function mountJournal(app: App, database: Database, nameAgent: NameAgent): void {
  app.mount(routes.listJournal, ({ principal: { tenantId }, query: { limit, offset, ...query } }) => {
    return inTenant(database.db, tenantId, async (tx) => {
      const agentId = await nameAgent(tx, tenantId, query.agent_id);
      const filter = { agentId, taskId: query.task_id, traceId: query.trace_id, type: query.type };
      return { ...(await listJournal(tx, tenantId, filter, { limit, offset })), limit, offset };
    });
  });

  app.mount(routes.listMemoryEvents, ({ principal: { tenantId }, query: { limit, offset, ...query } }) => {
    return inTenant(database.db, tenantId, async (tx) => {
      const agentId = await nameAgent(tx, tenantId, query.agent_id);
      const filter = { agentId, taskId: query.task_id, traceId: query.trace_id, type: query.type };
      return { ...(await listMemoryEvents(tx, tenantId, filter, { limit, offset })), limit, offset };
    });
  });
}
