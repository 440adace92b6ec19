import type { Database } from '@reeve/db';
import type { QueryEmbedders, MemoryRulesOf } from '@reeve/memory';
import type { RpcServer } from '@reeve/rpc';
import type { Config } from './config.ts';
import { isAlone, startRoleService, type RoleServiceParts } from './role-service.ts';

/** Serves the service `Memory` where this process has the role. Throws as `startRoleService` does. */
export function startMemoryService(
  parts: RoleServiceParts,
  database: Pick<Database, 'db'>,
  rulesOf: MemoryRulesOf,
  queryEmbedders: QueryEmbedders,
): Promise<RpcServer | undefined> {
  const { config } = parts;
  return startRoleService(parts, {
    role: 'memory',
    name: 'Memory',
    host: config.memoryHost,
    port: config.memoryPort,
    variable: 'MEMORY_PORT',
    services: async () => [(await import('@reeve/memory/rpc')).memoryService(database, rulesOf, queryEmbedders)],
  });
}

/** The port of HTTP: the role memory by itself has its own, where nobody chose one. */
export function httpPortOf(config: Config): number {
  const isChosen = config.shown.some(({ variable, origin }) => variable === 'REEVE_PORT' && origin !== 'default');
  return isAlone(config, 'memory') && !isChosen ? MEMORY_HTTP_PORT : config.port;
}

const MEMORY_HTTP_PORT = 8003;
