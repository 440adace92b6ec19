import type { Run } from '@reeve/contract';
import { useQueries, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { isLive, sessionRunsQuery } from '../../api/runs.ts';
import { liveRunQuery, startedRuns, type LiveRun } from './run-streams.ts';
import { useRunStreams } from './streams-context.ts';

export interface SessionRuns {
  readonly runs: readonly Run[];
  /** The runs that this tab began in the session. */
  readonly started: readonly (LiveRun & { readonly prompt: string })[];
  /** The run that works in this session now, as far as this tab knows. */
  readonly activeId: string | undefined;
  /** Opens the streams again after one was lost. */
  readonly reconnect: () => void;
}

/**
 * The runs of a session. Each that has not ended is followed from its start while the session is in view,
 * whoever began it.
 */
export function useSessionRuns(sessionId: string | undefined): SessionRuns {
  const streams = useRunStreams();
  const cache = useQueryClient();
  const runs = useQuery({ ...sessionRunsQuery(sessionId ?? ''), enabled: sessionId !== undefined }).data ?? [];
  const started = sessionId === undefined ? [] : startedRuns(cache, sessionId);
  const open = started.filter((live) => !live.view.closed).map((live) => live.view.runId);
  // A retried run goes on after this tab saw it end.
  const goesOn = (run: Run): boolean => {
    const view = cache.getQueryData(liveRunQuery(run.id).queryKey)?.view;
    return view?.closed === true && view.status !== run.status;
  };
  const followed = runs.filter((run) => isLive(run) || goesOn(run)).map((run) => run.id);
  const liveIds = [...new Set([...followed, ...open])].sort();
  const [connection, setConnection] = useState(0);
  const watched = liveIds.join(' ');

  useEffect(() => {
    const releases = watched === '' ? [] : watched.split(' ').map((id) => streams.watch(id));
    return () => releases.forEach((release) => release());
  }, [watched, streams, connection]);

  // A run that came and went, or went on, between two looks at the list has left messages that this page has not read.
  const ends = runs.map((run) => `${run.id} ${run.ended_at}`).join();
  const seen = useRef({ sessionId, ends });
  useEffect(() => {
    const before = seen.current;
    seen.current = { sessionId, ends };
    if (sessionId === undefined || before.sessionId !== sessionId || before.ends === ends || before.ends === '') return;
    void cache.invalidateQueries({ queryKey: ['sessions', 'one', sessionId] });
  }, [sessionId, ends, cache]);

  const views = useQueries({ queries: liveIds.map((id) => ({ ...liveRunQuery(id), enabled: false })) });
  const activeId = liveIds.findLast((id, index) => {
    const view = views[index]?.data?.view;
    return view === undefined ? runs.some((run) => run.id === id && isLive(run)) : view.status === 'running';
  });
  return { runs, started, activeId, reconnect: () => setConnection((count) => count + 1) };
}
