import { routes, type Memory, type MemoryPatch, type RecallMatch } from '@reeve/contract';
import { queryOptions, type QueryClient } from '@tanstack/react-query';
import { addDays } from '../ui/days.ts';
import { api } from './connection.ts';

/** What is looked for in what was remembered, and in conversations. */
export interface Recollection {
  readonly text: string;
  readonly topK: number;
  readonly kinds: readonly RecallMatch['kind'][];
  /** By id: only what this persona remembers; undefined for what anybody does. */
  readonly personaId: string | undefined;
  readonly tag: string | undefined;
  /** The first and the last day on which it was remembered or said, in UTC. */
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** What was remembered or said about something, best first, and how it was found. */
export const recallQuery = (asked: Recollection) =>
  queryOptions({
    queryKey: ['memory', 'recall', asked],
    queryFn: ({ signal }) => {
      const { text, topK, kinds, personaId, tag, from, to } = asked;
      const body = {
        query: text,
        top_k: topK,
        kinds: [...kinds],
        ...(personaId && { persona_id: personaId }),
        ...(tag && { tags: [tag] }),
        ...(from && { from: `${from}T00:00:00Z` }),
        ...(to && { to: `${addDays(to, 1)}T00:00:00Z` }),
      };
      return api().call(routes.recall, { body, signal });
    },
  });

/** Memories per page of the list. */
export const MEMORIES_PER_PAGE = 50;

/** What a list of memories is narrowed down by: a tag that they have, and whose they are, by id. */
export interface MemoryFilter {
  readonly tag: string | undefined;
  readonly personaId: string | undefined;
}

/** A page of all that is remembered, the newest first. */
export const memoriesQuery = ({ tag, personaId }: MemoryFilter, offset: number) =>
  queryOptions({
    queryKey: ['memory', 'list', tag ?? '', personaId ?? '', offset],
    queryFn: ({ signal }) =>
      api().call(routes.listMemories, {
        query: { limit: MEMORIES_PER_PAGE, offset, ...(tag && { tag }), ...(personaId && { persona_id: personaId }) },
        signal,
      }),
    placeholderData: (previous) => previous,
  });

/** What is asked for a dialog: read when it opens, and not while somebody types over it. */
const ONCE = { staleTime: Infinity, gcTime: 0 } as const;

/** One memory, as it was when that was first asked. */
export const memoryQuery = (id: string) =>
  queryOptions({
    ...ONCE,
    queryKey: ['memory-once', 'one', id],
    queryFn: ({ signal }) => api().call(routes.getMemory, { params: { id }, signal }),
  });

/** Characters of a query that the server takes. */
const LONGEST_QUERY = 2_000;
const ALIKE = 10;

/** What the persona of a memory, or nobody where it has none, remembers in words like its own; the most alike first, without itself. */
export const alikeQuery = ({ id, text, persona_id: persona }: Memory) =>
  queryOptions({
    ...ONCE,
    queryKey: ['memory-once', 'alike', id],
    queryFn: async ({ signal }) => {
      const body = { query: text.slice(0, LONGEST_QUERY).toWellFormed(), top_k: ALIKE + 1, persona_id: persona };
      const { matches } = await api().call(routes.recall, { body, signal });
      return matches.filter((match) => match.id !== id).slice(0, ALIKE);
    },
  });

export const changeMemory = (id: string, body: MemoryPatch): Promise<Memory> =>
  api().call(routes.updateMemory, { params: { id }, body });
export const deleteMemory = (id: string) => api().call(routes.deleteMemory, { params: { id } });

/** Has what is listed and found of memories read again. */
export const refreshMemory = (cache: QueryClient): Promise<void> => cache.invalidateQueries({ queryKey: ['memory'] });
