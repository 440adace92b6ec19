import { routes, type BodyInputOf } from '@reeve/contract';
import { infiniteQueryOptions, queryOptions, type QueryClient } from '@tanstack/react-query';
import { api } from './connection.ts';
import { nextOffset } from './paging.ts';

const LOOK_MS = 10_000;
const TOOLS_PER_PAGE = 50;

/** MCP servers of the tenant by name: all, since it has at most fifty. */
export const mcpServersQuery = queryOptions({
  queryKey: ['mcp', 'servers'],
  queryFn: async ({ signal }) => (await api().call(routes.listMcpServers, { query: { limit: 200 }, signal })).servers,
  refetchInterval: LOOK_MS,
});

/** Tools of a server, as its list was last read. */
export const mcpToolsQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ['mcp', 'tools', id],
    queryFn: ({ pageParam, signal }) =>
      api().call(routes.listMcpTools, {
        params: { id },
        query: { limit: TOOLS_PER_PAGE, offset: pageParam },
        signal,
      }),
    initialPageParam: 0,
    getNextPageParam: (page) => nextOffset(page, page.tools.length),
  });

export type NewMcpServer = BodyInputOf<typeof routes.createMcpServer>;
export type McpServerChange = BodyInputOf<typeof routes.updateMcpServer>;

export const createMcpServer = (body: NewMcpServer) => api().call(routes.createMcpServer, { body });
export const changeMcpServer = (id: string, body: McpServerChange) =>
  api().call(routes.updateMcpServer, { params: { id }, body });
export const deleteMcpServer = (id: string) => api().call(routes.deleteMcpServer, { params: { id } });

/** Connects to a server and reads its tools, now. One that fails is an answer too. */
export const testMcpServer = (id: string) => api().call(routes.testMcpServer, { params: { id } });

/** Has servers and tools read again: what changes the ones changes the others. */
export const refreshMcp = (cache: QueryClient): Promise<unknown> =>
  Promise.all(['mcp', 'tools'].map((noun) => cache.invalidateQueries({ queryKey: [noun] })));
