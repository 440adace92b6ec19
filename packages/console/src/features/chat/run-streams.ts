/**
 * The live runs of this tab. A run is read by at most one stream at a time, whose events are folded into
 * the query cache; components only look there.
 *
 * (none) ──start: POST /chat, first event──► read ──connection drops──► read from the event log ──end──► (none)
 *                                            └──it waits for its turn──► (none), until it is watched
 * (none) ──watch: from the last event seen──► read ──last watcher leaves──► (none)
 *
 * Leaving a stream never stops its run. One that waits for its turn holds no connection: a browser has six for all tabs of a server.
 */
import { ClientError, type Client } from '@reeve/client';
import { phaseOf, routes, type Multitask, type RunEvent } from '@reeve/contract';
import { queryOptions, skipToken, type QueryClient } from '@tanstack/react-query';
import { applyEvent, emptyRunView, type RunView } from './run-view.ts';

/** What this tab has heard of a run, and why it hears no more where the stream was lost for good. */
export interface LiveRun {
  readonly view: RunView;
  readonly lost: Error | null;
  /** What was asked, where this tab began the run. */
  readonly prompt: string | null;
}

export interface ChatRequest {
  readonly agent_config_id: string;
  readonly message: string;
  /** Paths of files of the session. */
  readonly attachments?: readonly string[];
  readonly session_id?: string;
  /** What becomes of it where the session is busy. */
  readonly multitask?: Multitask;
}

export interface StartedRun {
  readonly runId: string;
  readonly sessionId: string;
}

export interface RunStreams {
  /** Sends a message; resolves with the first event, when the run is stored, and goes on reading. */
  start(request: ChatRequest): Promise<StartedRun>;
  /** Reads a run on until it ends or the returned function is called. Where another watcher reads it, shares that. */
  watch(runId: string): () => void;
}

interface Reader {
  watchers: number;
  readonly abort: AbortController;
}

/** Where a live run lies in the cache; written by its stream, never fetched. */
export const liveRunQuery = (runId: string) =>
  queryOptions<LiveRun>({ queryKey: ['live-run', runId], queryFn: skipToken });

/** The runs of a session that this tab has begun, oldest first. */
export function startedRuns(cache: QueryClient, sessionId: string): (LiveRun & { readonly prompt: string })[] {
  return cache
    .getQueriesData<LiveRun>({ queryKey: ['live-run'] })
    .map(([, live]) => live)
    .filter((live): live is LiveRun & { prompt: string } => live?.prompt != null && live.view.sessionId === sessionId)
    .sort((a, b) => a.view.runId.localeCompare(b.view.runId));
}

/** The live runs of a tab, over its client and its cache. */
export function createRunStreams(client: () => Client, cache: QueryClient): RunStreams {
  const readers = new Map<string, Reader>();
  // A view that were collected in the middle of a run could not go on from its last event.
  cache.setQueryDefaults(['live-run'], { gcTime: Infinity });

  return {
    async start(request) {
      const abort = new AbortController();
      const events = client().stream(routes.chat, {
        body: { ...request, attachments: [...(request.attachments ?? [])], stream: true },
        signal: abort.signal,
      });
      const first = await events.next();
      if (first.done === true || first.value.type !== 'session_start') {
        throw new ClientError({ status: 0, code: 'unreachable', message: 'the stream ended before the run began' });
      }
      const begun = first.value;
      const { run_id: runId, session_id: sessionId } = begun;
      update(runId, (live) => ({ ...live, view: applyEvent(live.view, begun), prompt: request.message }));
      void read(runId, { watchers: 0, abort }, toTheEnd(client, begun, events, abort.signal));
      return { runId, sessionId };
    },
    watch(runId) {
      const live = cache.getQueryData(liveRunQuery(runId).queryKey);
      let reader = readers.get(runId);
      if (reader === undefined) {
        reader = { watchers: 0, abort: new AbortController() };
        void read(
          runId,
          reader,
          client().followRun(runId, { after: live?.view.lastSeq ?? 0, signal: reader.abort.signal }),
        );
      }
      reader.watchers += 1;
      return () => release(runId, reader);
    },
  };

  async function read(runId: string, reader: Reader, events: AsyncIterable<RunEvent>): Promise<void> {
    readers.set(runId, reader);
    update(runId, (live) => ({ ...live, lost: null }));
    try {
      for await (const event of events)
        update(runId, (live) => ({ ...live, view: applyEvent(live.view, event), lost: null }));
    } catch (error) {
      if (!reader.abort.signal.aborted)
        update(runId, (live) => ({ ...live, lost: error instanceof Error ? error : new Error(String(error)) }));
    } finally {
      if (readers.get(runId) === reader) readers.delete(runId);
    }
    if (!reader.abort.signal.aborted) await refresh();
  }

  function release(runId: string, reader: Reader): void {
    reader.watchers -= 1;
    if (reader.watchers > 0) return;
    if (readers.get(runId) === reader) readers.delete(runId);
    reader.abort.abort();
  }

  function update(runId: string, change: (live: LiveRun) => LiveRun): void {
    cache.setQueryData(liveRunQuery(runId).queryKey, (live) =>
      change(live ?? { view: emptyRunView(runId), lost: null, prompt: null }),
    );
  }

  async function refresh(): Promise<void> {
    await Promise.all(['runs', 'sessions', 'tasks'].map((noun) => cache.invalidateQueries({ queryKey: [noun] })));
  }
}

async function* toTheEnd(
  client: () => Client,
  first: RunEvent,
  events: AsyncIterable<RunEvent>,
  signal: AbortSignal,
): AsyncGenerator<RunEvent, void> {
  let last = first.seq;
  yield first;
  try {
    for await (const event of events) {
      last = event.seq;
      yield event;
      if (event.type === 'system' && phaseOf(event) === 'queued') return;
    }
    return;
  } catch (error) {
    if (signal.aborted) throw error;
  }
  yield* client().followRun(first.run_id, { after: last, signal });
}
