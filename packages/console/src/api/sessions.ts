import { routes, type Message } from '@reeve/contract';
import { infiniteQueryOptions } from '@tanstack/react-query';
import { api } from './connection.ts';
import { nextOffset } from './paging.ts';

const SESSIONS_PER_PAGE = 30;
const MESSAGES_PER_PAGE = 60;

/** Sessions whose title holds `search`, most recently used first. */
export const sessionsQuery = (search: string) =>
  infiniteQueryOptions({
    queryKey: ['sessions', 'list', search],
    queryFn: ({ pageParam, signal }) =>
      api().call(routes.listSessions, {
        query: { limit: SESSIONS_PER_PAGE, offset: pageParam, ...(search !== '' && { q: search }) },
        signal,
      }),
    initialPageParam: 0,
    getNextPageParam: (page) => nextOffset(page, page.sessions.length),
  });

/** A session and its messages: the newest page first, an older one with each further page. */
export const sessionQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ['sessions', 'one', id],
    queryFn: ({ pageParam, signal }) =>
      api().call(routes.getSession, { params: { id }, query: { limit: MESSAGES_PER_PAGE, offset: pageParam }, signal }),
    initialPageParam: 0,
    getNextPageParam: (page, _pages, offset) =>
      nextOffset({ total: page.message_count, limit: MESSAGES_PER_PAGE, offset }, page.messages.length),
  });

/** The messages of some pages, each once, oldest first. Pages may overlap where messages came in between. */
export function messagesOf(pages: readonly { readonly messages: readonly Message[] }[]): Message[] {
  const byPosition = new Map<number, Message>();
  for (const page of pages) for (const message of page.messages) byPosition.set(message.position, message);
  return [...byPosition.values()].sort((a, b) => a.position - b.position);
}

/** A session with every message, as a file of JSON. */
export async function exportSession(id: string): Promise<Blob> {
  const session = await api().call(routes.exportSession, { params: { id } });
  return new Blob([`${JSON.stringify(session, null, 2)}\n`], { type: 'application/json' });
}

export const renameSession = (id: string, title: string) =>
  api().call(routes.renameSession, { params: { id }, body: { title } });
export const deleteSession = (id: string) => api().call(routes.deleteSession, { params: { id } });
