/**
 * The uploads of this tab. Those to one destination go one after the other, whichever page is in view, and components look at
 * them in the query cache.
 *
 * chosen ──its name is taken──► asks ──replace──┐
 *    └──────────────────────────────────────────┴─► waits ──its turn──► sending ──► done
 *                                                     ▲                    └──refused, lost──► failed
 *                                                     └────────────────again──────────────────────┘
 * Each can be put aside at any time; one that is being sent is broken off then, which leaves the destination as it was. One that
 * fails keeps none of the others.
 */
import { queryOptions, skipToken, type QueryClient } from '@tanstack/react-query';
import { formatBytes } from '../../ui/format.ts';

export interface Upload {
  readonly id: number;
  readonly file: File;
  /** What it is called where it goes. */
  readonly path: string;
  readonly state: 'asks' | 'waits' | 'sending' | 'done' | 'failed';
  /** Bytes that are sent. */
  readonly sent: number;
  /** What came of it, where it is done. */
  readonly outcome: string;
  readonly error: unknown;
}

/** A file that was chosen, what it is to be called, and whether something is there by that name. */
export interface Chosen {
  readonly file: File;
  readonly path: string;
  readonly taken: boolean;
}

/** What is needed of a request that sends a file. */
export interface Sending {
  readonly path: string;
  readonly file: File;
  readonly signal: AbortSignal;
  /** Told how many bytes are sent. */
  readonly onSent: (bytes: number) => void;
}

/** A place that takes files. */
export interface Destination {
  /** Tells it from all others of this tab. */
  readonly key: string;
  /** Bytes that a file may have. */
  readonly maxBytes: number;
  /** What happens once all bytes are sent: "is being stored". */
  readonly afterwards: string;
  /** Sends one, and says what came of it; throws where it is refused, and where the file has become unreadable. */
  readonly send: (sending: Sending) => Promise<string>;
  /** Has what is shown of the destination read again. */
  readonly refresh: (cache: QueryClient) => Promise<unknown>;
}

/** Where the uploads to a destination lie in the cache; written here, never fetched. */
export const uploadsQuery = (key: string) =>
  queryOptions<readonly Upload[]>({ queryKey: ['uploads', key], queryFn: skipToken, gcTime: Infinity });

const working = new Set<string>();
const sending = new Map<number, AbortController>();
let lastId = 0;

/** Takes files up; those before them that are done leave the list. */
export function addUploads(cache: QueryClient, to: Destination, chosen: readonly Chosen[]): void {
  const fresh = chosen.map(({ file, path, taken }): Upload => ({
    id: ++lastId,
    file,
    path,
    sent: 0,
    outcome: '',
    ...begin(to, file, taken),
  }));
  update(cache, to, (uploads) => [...uploads.filter(({ state }) => state !== 'done'), ...fresh]);
  void work(cache, to);
}

/** Lets one go on that asks, or that failed. */
export function resumeUpload(cache: QueryClient, to: Destination, id: number): void {
  change(cache, to, id, { state: 'waits', sent: 0, error: null });
  void work(cache, to);
}

/** Puts one aside. */
export function dropUpload(cache: QueryClient, to: Destination, id: number): void {
  update(cache, to, (uploads) => uploads.filter((upload) => upload.id !== id));
  sending.get(id)?.abort();
}

function begin({ maxBytes }: Destination, file: File, taken: boolean): Pick<Upload, 'state' | 'error'> {
  if (file.size <= maxBytes) return { state: taken ? 'asks' : 'waits', error: null };
  const error = new Error(`A file may have ${formatBytes(maxBytes)}; this one has ${formatBytes(file.size)}.`);
  return { state: 'failed', error };
}

async function work(cache: QueryClient, to: Destination): Promise<void> {
  if (working.has(to.key)) return;
  working.add(to.key);
  for (;;) {
    const next = cache.getQueryData(uploadsQuery(to.key).queryKey)?.find((upload) => upload.state === 'waits');
    if (next === undefined) break;
    await send(cache, to, next);
  }
  working.delete(to.key);
}

async function send(cache: QueryClient, to: Destination, { id, file, path }: Upload): Promise<void> {
  const abort = new AbortController();
  sending.set(id, abort);
  change(cache, to, id, { state: 'sending' });
  try {
    // A file that is gone by now says so here; in the middle of a request it would look like a server out of reach.
    await file.slice(0, 1).arrayBuffer();
    const onSent = (sent: number): void => change(cache, to, id, { sent });
    const outcome = await to.send({ path, file, signal: abort.signal, onSent });
    change(cache, to, id, { state: 'done', outcome });
  } catch (error) {
    change(cache, to, id, { state: 'failed', error });
  } finally {
    sending.delete(id);
  }
  void to.refresh(cache);
}

function change(cache: QueryClient, to: Destination, id: number, part: Partial<Upload>): void {
  update(cache, to, (uploads) => uploads.map((upload) => (upload.id === id ? { ...upload, ...part } : upload)));
}

function update(cache: QueryClient, to: Destination, next: (uploads: readonly Upload[]) => readonly Upload[]): void {
  cache.setQueryData(uploadsQuery(to.key).queryKey, (uploads) => next(uploads ?? []));
}
