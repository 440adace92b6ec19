import { routes, type McpServer } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { requesterOf, type App } from '@reeve/http';
import { createServer, deleteServer, requireServer, updateServer } from './change.ts';
import { shownServer, shownTool, type StoredServer } from './server.ts';
import type { McpServers } from './servers-open.ts';
import { listServers, selectTools } from './store.ts';

/** Mounts the routes of MCP servers. */
export function mountMcpServers(app: App, database: Database, servers: McpServers): void {
  const shown = (server: StoredServer): McpServer => shownServer(server, servers.breakerOf(server).state());
  const read = (tenantId: string, id: string) =>
    inTenant(database.db, tenantId, (tx) => requireServer(tx, tenantId, id));

  /** Reads the tools of a changed server if its list is due. */
  const settled = async (server: StoredServer): Promise<McpServer> => {
    const { tenantId, id } = server;
    servers.changed(tenantId);
    if (!server.isDue) return shown(server);
    await servers.refresh(server);
    return shown(await read(tenantId, id));
  };

  app.mount(routes.createMcpServer, async (call) =>
    settled(await createServer(database, requesterOf(call), call.body, servers.check)),
  );

  app.mount(routes.listMcpServers, ({ principal: { tenantId }, query: { limit, offset } }) =>
    inTenant(database.db, tenantId, async (tx) => {
      const page = await listServers(tx, tenantId, { limit, offset });
      return { servers: page.servers.map(shown), total: page.total, limit, offset };
    }),
  );

  app.mount(routes.getMcpServer, async ({ principal: { tenantId }, params: { id } }) =>
    shown(await read(tenantId, id)),
  );

  app.mount(routes.updateMcpServer, async (call) =>
    settled(await updateServer(database, requesterOf(call), call.params.id, call.body, servers.check)),
  );

  app.mount(routes.deleteMcpServer, async (call) => {
    servers.removed(await deleteServer(database, requesterOf(call), call.params.id));
    return null;
  });

  app.mount(routes.testMcpServer, async ({ principal: { tenantId }, params: { id } }) =>
    servers.refresh(await read(tenantId, id)),
  );

  app.mount(routes.listMcpTools, async ({ principal: { tenantId }, params: { id }, query: { limit, offset } }) => {
    const { server, kept } = await inTenant(database.db, tenantId, async (tx) => ({
      server: await requireServer(tx, tenantId, id),
      kept: await selectTools(tx, tenantId, id),
    }));
    const tools = kept.slice(offset, offset + limit).map((tool) => shownTool(server, tool));
    return { tools, total: kept.length, limit, offset };
  });
}
