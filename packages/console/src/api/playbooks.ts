import { routes } from '@reeve/contract';
import { queryOptions, type QueryClient } from '@tanstack/react-query';
import { api } from './connection.ts';

export const PLAYBOOKS_PER_PAGE = 20;

/** A page of playbooks, the latest success first; with a persona, by id, only what its agents have learnt. */
export const playbooksQuery = (personaId: string | undefined, offset: number) =>
  queryOptions({
    queryKey: ['playbooks', personaId ?? '', offset],
    queryFn: ({ signal }) =>
      api().call(routes.listPlaybooks, {
        query: { limit: PLAYBOOKS_PER_PAGE, offset, ...(personaId && { persona_id: personaId }) },
        signal,
      }),
    placeholderData: (previous) => previous,
    refetchInterval: 15_000,
  });

export const deletePlaybook = (id: string) => api().call(routes.deletePlaybook, { params: { id } });

/** Has what is shown of playbooks read again. */
export const refreshPlaybooks = (cache: QueryClient): Promise<void> =>
  cache.invalidateQueries({ queryKey: ['playbooks'] });
