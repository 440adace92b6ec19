import type { Run } from '@reeve/contract';
import { useInfiniteQuery, useQueries, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { refreshFiles } from '../../api/files.ts';
import { isLive, sessionRunsQuery } from '../../api/runs.ts';
import { sessionQuery } from '../../api/sessions.ts';
import { liveRunQuery, startedRuns, type LiveRun } from './run-streams.ts';
import { useRunStreams } from './streams-context.ts';

export interface SessionRuns {
  readonly runs: readonly Run[];
  /** The runs that this tab began in the session. */
  readonly started: readonly (LiveRun & { readonly prompt: string })[];
  /** The run that works in this session now, as far as this tab knows. */
  readonly activeId: string | undefined;
  /** Whether it works just now: one that waits for a person or a budget does not. */
  readonly working: boolean;
  /** The runs that wait for it to end, the next one first. */
  readonly inLine: readonly string[];
  /** Opens the streams again after one was lost. */
  readonly reconnect: () => void;
}

/**
 * The runs of a session. The one whose turn it is is followed from its start while the session is in view, whoever began it;
 * those behind it are looked at in the list.
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
  const ongoing = runs.filter((run) => isLive(run) || goesOn(run)).map((run) => run.id);
  // Ids are in the order of their making.
  const unended = [...new Set([...ongoing, ...open])].sort();
  const hasBegun = (id: string): boolean => runs.some((run) => run.id === id && run.started_at !== null);
  const followed = unended.filter((id, index) => index === 0 || hasBegun(id));
  const [connection, setConnection] = useState(0);
  const watched = followed.join(' ');

  useEffect(() => {
    const releases = watched === '' ? [] : watched.split(' ').map((id) => streams.watch(id));
    return () => releases.forEach((release) => release());
  }, [watched, streams, connection]);

  // A run that began, ended or went on between two looks at the list has left messages and files that this page has not read.
  const turns = runs.map((run) => `${run.id} ${run.started_at} ${run.ended_at}`).join();
  const seen = useRef({ sessionId, turns });
  useEffect(() => {
    const before = seen.current;
    seen.current = { sessionId, turns };
    if (sessionId === undefined || before.sessionId !== sessionId || before.turns === turns || before.turns === '')
      return;
    void cache.invalidateQueries({ queryKey: ['sessions', 'one', sessionId] });
    void refreshFiles(cache, sessionId);
  }, [sessionId, turns, cache]);

  // The messages can have been read just before the newest run ended, and the runs just after: then neither shows what it answered.
  const messages = useInfiniteQuery({ ...sessionQuery(sessionId ?? ''), enabled: sessionId !== undefined }).data
    ?.pages[0]?.messages;
  const newest = runs[0];
  const isUnread =
    newest?.ended_at != null &&
    messages !== undefined &&
    !messages.some((message) => message.run_id === newest.id && message.role !== 'user');
  const unread = isUnread ? `${newest.id} ${newest.ended_at}` : '';
  useEffect(() => {
    if (unread !== '') void cache.invalidateQueries({ queryKey: ['sessions', 'one', sessionId] });
  }, [unread, sessionId, cache]);

  const views = useQueries({ queries: followed.map((id) => ({ ...liveRunQuery(id), enabled: false })) });
  const activeId = followed.findLast((id, index) => {
    const view = views[index]?.data?.view;
    return view === undefined ? runs.some((run) => run.id === id && isLive(run)) : view.status === 'running';
  });
  const activeView = activeId === undefined ? undefined : views[followed.indexOf(activeId)]?.data?.view;
  const working = activeId !== undefined && activeView?.waiting == null;
  const inLine = unended.filter((id) => !followed.includes(id));
  return { runs, started, activeId, working, inLine, reconnect: () => setConnection((count) => count + 1) };
}
