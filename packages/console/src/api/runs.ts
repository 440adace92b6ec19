import { routes, type Run, type RunStatus } from '@reeve/contract';
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { api } from './connection.ts';
import { nextOffset } from './paging.ts';

const LIVE_MS = 1_000;
const IDLE_MS = 10_000;
const STEPS_PER_PAGE = 100;

/** Runs per page of the list. */
export const RUNS_PER_PAGE = 50;

export interface RunFilter {
  readonly status?: RunStatus | undefined;
  readonly offset: number;
}

/** A page of runs, newest first; read again every 2 s while one of them has not ended. */
export const runsQuery = ({ status, offset }: RunFilter) =>
  queryOptions({
    queryKey: ['runs', 'list', status ?? '', offset],
    queryFn: ({ signal }) =>
      api().call(routes.listRuns, { query: { limit: RUNS_PER_PAGE, offset, ...(status && { status }) }, signal }),
    placeholderData: (previous) => previous,
    refetchInterval: ({ state }) => (state.data?.runs.some(isLive) === true ? 2 * LIVE_MS : IDLE_MS),
  });

/** The newest 200 runs of a session, looked at every 5 s so that a run begun elsewhere shows up, and every second while one waits for its turn. */
export const sessionRunsQuery = (sessionId: string) =>
  queryOptions({
    queryKey: ['runs', 'of-session', sessionId],
    queryFn: async ({ signal }) =>
      (await api().call(routes.listRuns, { query: { session_id: sessionId, limit: 200 }, signal })).runs,
    refetchInterval: ({ state }) => (state.data?.some(waitsForTurn) === true ? LIVE_MS : 5_000),
  });

/** One run, read every second until it has ended. */
export const runQuery = (id: string) =>
  queryOptions({
    queryKey: ['runs', 'one', id],
    queryFn: ({ signal }) => api().call(routes.getRun, { params: { id }, signal }),
    refetchInterval: ({ state }) => (state.data !== undefined && isLive(state.data) ? LIVE_MS : false),
  });

/** The steps of a run in order, read every second while it is live, and once more when it has ended. */
export const stepsQuery = (id: string, live: boolean) =>
  infiniteQueryOptions({
    queryKey: ['runs', 'steps', id, live],
    queryFn: ({ pageParam, signal }) =>
      api().call(routes.listSteps, { params: { id }, query: { limit: STEPS_PER_PAGE, offset: pageParam }, signal }),
    initialPageParam: 0,
    getNextPageParam: (page) => nextOffset(page, page.steps.length),
    placeholderData: (previous) => previous,
    refetchInterval: live ? LIVE_MS : false,
  });

/** Asks a run to stop at its next safe point. */
export const cancelRun = (id: string) => api().call(routes.cancelRun, { params: { id } });

/** The run that shares this one's steps before `fromStep`, begun at once. */
export const forkRun = (id: string, fromStep: number, message: string | undefined) =>
  api().call(routes.forkRun, {
    params: { id },
    body: { from_step: fromStep, ...(message !== undefined && { message }) },
  });

/** Whether a run has not begun yet. */
function waitsForTurn(run: Run): boolean {
  return run.status === 'queued' && run.started_at === null;
}

/** Whether a run has not ended yet. */
export function isLive(run: Run): boolean {
  return run.status === 'queued' || run.status === 'running';
}
