import { routes } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { requesterOf, type App, type Principal } from '@reeve/http';
import { requireKnown, type Known } from './agent.ts';
import { ensureBuiltinAgents } from './builtin.ts';
import { createAgent, deleteAgent, restoreVersion, updateAgent } from './change.ts';
import { requireAgent } from './find.ts';
import { listAgents, listVersions } from './store.ts';

/** Mounts the routes of agents. `knownTo` says what configurations of a tenant may name, and is asked at each change. */
export function mountAgents(app: App, database: Database, knownTo: (tenantId: string) => Promise<Known>): void {
  const known = ({ tenantId }: Principal) => knownTo(tenantId);

  app.mount(routes.createAgent, async (call) => {
    requireKnown(call.body, await known(call.principal));
    return createAgent(database, requesterOf(call), call.body);
  });

  app.mount(routes.listAgents, ({ principal: { tenantId }, query: { limit, offset, q } }) =>
    inTenant(database.db, tenantId, async (tx) => {
      await ensureBuiltinAgents(tx, tenantId);
      return { ...(await listAgents(tx, tenantId, q, { limit, offset })), limit, offset };
    }),
  );

  app.mount(routes.getAgent, ({ principal: { tenantId }, params: { id } }) =>
    inTenant(database.db, tenantId, (tx) => requireAgent(tx, tenantId, id)),
  );

  app.mount(routes.updateAgent, async (call) => {
    requireKnown(call.body, await known(call.principal));
    return updateAgent(database, requesterOf(call), call.params.id, call.body);
  });

  app.mount(routes.deleteAgent, async (call) => {
    await deleteAgent(database, requesterOf(call), call.params.id);
    return null;
  });

  app.mount(routes.listAgentVersions, ({ principal: { tenantId }, params: { id }, query: { limit, offset } }) =>
    inTenant(database.db, tenantId, async (tx) => {
      const agent = await requireAgent(tx, tenantId, id);
      return { ...(await listVersions(tx, agent.id, { limit, offset })), limit, offset };
    }),
  );

  app.mount(routes.restoreAgentVersion, (call) =>
    restoreVersion(database, requesterOf(call), call.params.id, call.params.version),
  );
}
