/**
 * The uploads of this tab. Those of a session go one after the other, whichever page is in view, and components look at them in
 * the query cache.
 *
 * chosen ──its name is taken──► asks ──replace──┐
 *    └──────────────────────────────────────────┴─► waits ──its turn──► sending ──► done
 *                                                     ▲                    └──refused, lost──► failed
 *                                                     └────────────────again──────────────────────┘
 * Each can be put aside at any time; one that is being sent is broken off then, which leaves the workspace as it was.
 */
import { MAX_UPLOAD_BYTES } from '@reeve/contract';
import { queryOptions, skipToken, type QueryClient } from '@tanstack/react-query';
import { refreshFiles, uploadFile } from '../../api/files.ts';
import { formatBytes } from '../../ui/format.ts';

export interface Upload {
  readonly id: number;
  readonly file: File;
  /** Where it goes, from the workspace. */
  readonly path: string;
  readonly state: 'asks' | 'waits' | 'sending' | 'done' | 'failed';
  /** Bytes that are sent. */
  readonly sent: number;
  readonly error: unknown;
}

/** A file that was chosen, where it shall go, and whether something is there. */
export interface Chosen {
  readonly file: File;
  readonly path: string;
  readonly taken: boolean;
}

/** Where the uploads of a session lie in the cache; written here, never fetched. */
export const uploadsQuery = (sessionId: string) =>
  queryOptions<readonly Upload[]>({ queryKey: ['uploads', sessionId], queryFn: skipToken, gcTime: Infinity });

const working = new Set<string>();
const sending = new Map<number, AbortController>();
let lastId = 0;

/** Takes files up; those before them that are done leave the list. */
export function addUploads(cache: QueryClient, sessionId: string, chosen: readonly Chosen[]): void {
  const fresh = chosen.map(({ file, path, taken }): Upload => ({
    id: ++lastId,
    file,
    path,
    sent: 0,
    ...begin(file, taken),
  }));
  update(cache, sessionId, (uploads) => [...uploads.filter(({ state }) => state !== 'done'), ...fresh]);
  void work(cache, sessionId);
}

/** Lets one go on that asks, or that failed. */
export function resumeUpload(cache: QueryClient, sessionId: string, id: number): void {
  change(cache, sessionId, id, { state: 'waits', sent: 0, error: null });
  void work(cache, sessionId);
}

/** Puts one aside. */
export function dropUpload(cache: QueryClient, sessionId: string, id: number): void {
  update(cache, sessionId, (uploads) => uploads.filter((upload) => upload.id !== id));
  sending.get(id)?.abort();
}

function begin(file: File, taken: boolean): Pick<Upload, 'state' | 'error'> {
  if (file.size <= MAX_UPLOAD_BYTES) return { state: taken ? 'asks' : 'waits', error: null };
  const error = new Error(`A file may have ${formatBytes(MAX_UPLOAD_BYTES)}; this one has ${formatBytes(file.size)}.`);
  return { state: 'failed', error };
}

async function work(cache: QueryClient, sessionId: string): Promise<void> {
  if (working.has(sessionId)) return;
  working.add(sessionId);
  for (;;) {
    const next = cache.getQueryData(uploadsQuery(sessionId).queryKey)?.find((upload) => upload.state === 'waits');
    if (next === undefined) break;
    await send(cache, sessionId, next);
  }
  working.delete(sessionId);
}

async function send(cache: QueryClient, sessionId: string, { id, file, path }: Upload): Promise<void> {
  const abort = new AbortController();
  sending.set(id, abort);
  change(cache, sessionId, id, { state: 'sending' });
  try {
    // A file that is gone by now says so here; in the middle of a request it would look like a server out of reach.
    await file.slice(0, 1).arrayBuffer();
    const onSent = (sent: number): void => change(cache, sessionId, id, { sent });
    await uploadFile({ sessionId, path, file, signal: abort.signal, onSent });
    change(cache, sessionId, id, { state: 'done' });
  } catch (error) {
    change(cache, sessionId, id, { state: 'failed', error });
  } finally {
    sending.delete(id);
  }
  void refreshFiles(cache, sessionId);
}

function change(cache: QueryClient, sessionId: string, id: number, part: Partial<Upload>): void {
  update(cache, sessionId, (uploads) => uploads.map((upload) => (upload.id === id ? { ...upload, ...part } : upload)));
}

function update(cache: QueryClient, sessionId: string, next: (uploads: readonly Upload[]) => readonly Upload[]): void {
  cache.setQueryData(uploadsQuery(sessionId).queryKey, (uploads) => next(uploads ?? []));
}
