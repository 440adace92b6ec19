import { routes, type RecallMatch } from '@reeve/contract';
import { queryOptions, type QueryClient } from '@tanstack/react-query';
import { api } from './connection.ts';

/** What is looked for in what was remembered, and in conversations. */
export interface Recollection {
  readonly text: string;
  readonly topK: number;
  readonly kinds: readonly RecallMatch['kind'][];
}

/** What was remembered or said about something, best first. */
export const recallQuery = (asked: Recollection) =>
  queryOptions({
    queryKey: ['memory', 'recall', asked],
    queryFn: async ({ signal }) => {
      const body = { query: asked.text, top_k: asked.topK, kinds: [...asked.kinds] };
      return (await api().call(routes.recall, { body, signal })).matches;
    },
  });

export const deleteMemory = (id: string) => api().call(routes.deleteMemory, { params: { id } });

/** Has what is shown of memories read again. */
export const refreshMemory = (cache: QueryClient): Promise<void> => cache.invalidateQueries({ queryKey: ['memory'] });
