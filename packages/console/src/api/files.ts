import { routes, type Attachment } from '@reeve/contract';
import { infiniteQueryOptions, queryOptions, type QueryClient } from '@tanstack/react-query';
import { api, apiThrough } from './connection.ts';
import { nextOffset } from './paging.ts';
import { sendingFetch } from './sending-fetch.ts';

const FILES_PER_PAGE = 100;

const filesKey = (sessionId: string) => ['sessions', 'files', sessionId] as const;

/** What lies in a directory of a session's workspace, `''` for the workspace itself: directories first, then by name. */
export const filesQuery = (sessionId: string, path: string) =>
  infiniteQueryOptions({
    queryKey: [...filesKey(sessionId), 'list', path],
    queryFn: ({ pageParam, signal }) =>
      api().call(routes.listFiles, {
        params: { id: sessionId },
        query: { path, limit: FILES_PER_PAGE, offset: pageParam },
        signal,
      }),
    initialPageParam: 0,
    getNextPageParam: (page) => nextOffset(page, page.files.length),
  });

/** What a session's workspace takes, and may take. */
export const workspaceUsageQuery = (sessionId: string) =>
  queryOptions({
    queryKey: [...filesKey(sessionId), 'usage'],
    queryFn: ({ signal }) => api().call(routes.getWorkspaceUsage, { params: { id: sessionId }, signal }),
  });

/** Has everything that is shown of a session's files read again. */
export const refreshFiles = (cache: QueryClient, sessionId: string): Promise<void> =>
  cache.invalidateQueries({ queryKey: filesKey(sessionId) });

export const downloadFile = (sessionId: string, path: string) =>
  api().bytes(routes.downloadFile, { params: { id: sessionId }, query: { path } });
export const downloadWorkspace = (sessionId: string) =>
  api().bytes(routes.downloadWorkspace, { params: { id: sessionId } });
export const deleteFile = (sessionId: string, path: string) =>
  api().call(routes.deleteFile, { params: { id: sessionId }, query: { path } });

/** An image or a sound of a workspace as a data: URL, since an address of it would not carry this tab's key. */
export const mediaQuery = ({ session_id: sessionId, path, media_type: type }: Attachment) =>
  queryOptions({
    queryKey: [...filesKey(sessionId), 'media', path],
    queryFn: async () => dataUrlOf(new Blob([await downloadFile(sessionId, path)], { type })),
    staleTime: Infinity,
  });

async function dataUrlOf(content: Blob): Promise<string> {
  const reader = new FileReader();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  reader.onload = () => resolve(reader.result as string);
  reader.onerror = () => reject(reader.error ?? new Error('the file could not be read'));
  reader.readAsDataURL(content);
  return promise;
}

export interface Sending {
  readonly sessionId: string;
  readonly path: string;
  readonly file: Blob;
  readonly signal: AbortSignal;
  /** Told how many bytes are sent. */
  readonly onSent: (bytes: number) => void;
}

/** Puts a file into a session's workspace; throws ClientError where it is refused, and where it has become unreadable. */
export async function uploadFile({ sessionId, path, file, signal, onSent }: Sending): Promise<void> {
  await apiThrough(sendingFetch(onSent)).call(routes.uploadFile, {
    params: { id: sessionId },
    query: { path },
    upload: file,
    signal,
  });
}
