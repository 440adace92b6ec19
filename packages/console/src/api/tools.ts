import { routes } from '@reeve/contract';
import { queryOptions } from '@tanstack/react-query';
import { api } from './connection.ts';

/** Every tool that the tenant's agents can be given. */
export const toolsQuery = queryOptions({
  queryKey: ['tools'],
  queryFn: async ({ signal }) => (await api().call(routes.listTools, { signal })).tools,
  refetchInterval: 15_000,
});
