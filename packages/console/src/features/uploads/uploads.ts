/**
 * The uploads of this tab. Those to one destination go one after the other, whichever page is in view, and components look at
 * them in the query cache.
 *
 * chosen ──its name is taken──► asks ──replace──┐
 *    └──────────────────────────────────────────┴─► waits ──its turn──► sending ──► done
 *                                                     ▲                    └──refused, lost──► failed
 *                                                     └────────────────again──────────────────────┘
 * A file that its destination does not take is refused at once, and stays so. Each can be put aside at any time; one that is being
 * sent is broken off then, which leaves the destination as it was. One that fails keeps none of the others.
 */
import { queryOptions, skipToken, type QueryClient } from '@tanstack/react-query';

export interface Upload {
  readonly id: number;
  readonly file: File;
  /** What it is called where it goes. */
  readonly path: string;
  readonly state: 'asks' | 'waits' | 'sending' | 'done' | 'failed' | 'refused';
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
  /** Why it does not take a file; undefined where it does. `before`: how many it is to have already. */
  readonly refusal: (file: File, before: number) => string | undefined;
  /** What happens once all bytes are sent: "is being stored". */
  readonly afterwards: string;
  /** Sends one, and says what came of it; throws where it is refused, and where the file has become unreadable. */
  readonly send: (sending: Sending) => Promise<string>;
  /** Those that are done stay in the list, since they are to go with something; one that is put aside is taken back by this. */
  readonly takeBack?: (path: string) => Promise<unknown>;
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
  update(cache, to, (uploads) => {
    const kept = to.takeBack === undefined ? uploads.filter(({ state }) => state !== 'done') : uploads;
    const fresh = chosen.map(({ file, path, taken }, index): Upload => ({
      id: ++lastId,
      file,
      path,
      sent: 0,
      outcome: '',
      ...begin(to.refusal(file, kept.length + index), taken),
    }));
    return [...kept, ...fresh];
  });
  void work(cache, to);
}

/** Lets one go on that asks, or that failed. */
export function resumeUpload(cache: QueryClient, to: Destination, id: number): void {
  change(cache, to, id, { state: 'waits', sent: 0, error: null });
  void work(cache, to);
}

/** Puts one aside. */
export function dropUpload(cache: QueryClient, to: Destination, id: number): void {
  const dropped = cache.getQueryData(uploadsQuery(to.key).queryKey)?.find((upload) => upload.id === id);
  update(cache, to, (uploads) => uploads.filter((upload) => upload.id !== id));
  sending.get(id)?.abort();
  // What is left behind takes room at the destination and nothing else.
  if (dropped?.state === 'done') void to.takeBack?.(dropped.path).catch(() => undefined);
}

/** Forgets all of them, and lets them be where they are. */
export function forgetUploads(cache: QueryClient, to: Destination): void {
  update(cache, to, () => []);
}

function begin(refusal: string | undefined, taken: boolean): Pick<Upload, 'state' | 'error'> {
  if (refusal !== undefined) return { state: 'refused', error: new Error(refusal) };
  return { state: taken ? 'asks' : 'waits', error: null };
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
