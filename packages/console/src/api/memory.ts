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

/** Memories per page of the list. */
export const MEMORIES_PER_PAGE = 50;

/** A page of all that is remembered, the newest first; with `tag` only what has it. */
export const memoriesQuery = (tag: string | undefined, offset: number) =>
  queryOptions({
    queryKey: ['memory', 'list', tag ?? '', offset],
    queryFn: ({ signal }) =>
      api().call(routes.listMemories, { query: { limit: MEMORIES_PER_PAGE, offset, ...(tag && { tag }) }, signal }),
    placeholderData: (previous) => previous,
  });

export const deleteMemory = (id: string) => api().call(routes.deleteMemory, { params: { id } });

/** Has what is shown of memories read again. */
export const refreshMemory = (cache: QueryClient): Promise<void> => cache.invalidateQueries({ queryKey: ['memory'] });
