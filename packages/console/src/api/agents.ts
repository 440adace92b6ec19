import { routes, type Agent } from '@reeve/contract';
import { queryOptions } from '@tanstack/react-query';
import { api } from './connection.ts';

/** Agents by name, the first 200. */
export const agentsQuery = queryOptions({
  queryKey: ['agents', 'list'],
  queryFn: async ({ signal }) => (await api().call(routes.listAgents, { query: { limit: 200 }, signal })).configs,
  staleTime: 30_000,
});

/** The agent that a task, a schedule or an address names, by id or slug. */
export function findAgent(agents: readonly Agent[] | undefined, named: string): Agent | undefined {
  return agents?.find(({ id, slug }) => id === named || slug === named);
}
