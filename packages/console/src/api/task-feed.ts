/**
 * What happens to the tenant's tasks, told to this tab by one stream that patches the query cache.
 *
 * off ──first watcher──► connecting ──stream opens──► live ──stream breaks──► lost ──opens again──► live
 *  ▲                                                   │ page hidden for 10 s ▼
 *  └──────────────── last watcher leaves ──────────────┴─► connecting, from the last event, when it is seen again
 *
 * While it is not live, what shows tasks looks every few seconds instead. A hidden page gives its connection back because a
 * browser has six for all tabs of a server.
 */
import { ClientError } from '@reeve/client';
import type { Task, TaskDetail, TaskEvent } from '@reeve/contract';
import { queryOptions, skipToken, useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useEffect, useEffectEvent } from 'react';
import { apiThrough } from './connection.ts';
import { noteChange } from './recent-changes.ts';
import { withChanges, type TaskPage } from './tasks.ts';
import { watchedFetch } from './watched-fetch.ts';

export type FeedState = 'connecting' | 'live' | 'lost';
type Watcher = (events: readonly TaskEvent[]) => void;

interface TaskFeed {
  /** Hands over events, some at a time, until the returned function is called. */
  watch(watcher: Watcher): () => void;
}

const BATCH_MS = 150;
const COUNT_MS = 1_000;
const HIDDEN_MS = 10_000;
const AGAIN_MS = 3_000;

const feedStateQuery = queryOptions<FeedState>({ queryKey: ['task-feed'], queryFn: skipToken, gcTime: Infinity });
const feeds = new WeakMap<QueryClient, TaskFeed>();

/** Keeps the feed on while the component is there, and returns its state. `onEvents` gets events after the cache has them. */
export function useTaskFeed(onEvents?: Watcher): FeedState {
  const cache = useQueryClient();
  const tell = useEffectEvent((events: readonly TaskEvent[]) => onEvents?.(events));
  useEffect(() => {
    const feed = feeds.get(cache) ?? createTaskFeed(cache);
    feeds.set(cache, feed);
    return feed.watch((events) => tell(events));
  }, [cache]);
  return useQuery(feedStateQuery).data ?? 'connecting';
}

function createTaskFeed(cache: QueryClient): TaskFeed {
  const watchers = new Set<Watcher>();
  const due = new Map<string, ReturnType<typeof setTimeout>>();
  let reading: AbortController | undefined;
  let hiding: ReturnType<typeof setTimeout> | undefined;
  let last: string | undefined;
  let batch: TaskEvent[] = [];

  const setState = (state: FeedState): void => void cache.setQueryData(feedStateQuery.queryKey, state);

  function start(): void {
    if (reading !== undefined || watchers.size === 0) return;
    reading = new AbortController();
    setState('connecting');
    void read(reading.signal);
  }

  function stop(): void {
    reading?.abort();
    reading = undefined;
    setState('connecting');
  }

  async function read(signal: AbortSignal): Promise<void> {
    const watch = {
      onOpen: () => {
        if (signal.aborted) return;
        setState('live');
        for (const noun of ['tasks/stats', 'tasks/one', 'approvals']) refreshSoon(noun, 0);
      },
      onClose: () => void (signal.aborted || setState('lost')),
    };
    const client = apiThrough(watchedFetch(watch));
    while (!signal.aborted) {
      try {
        for await (const event of client.followTasks({ ...(last !== undefined && { after: last }), signal }))
          take(event);
      } catch (error) {
        // An id that this server does not know, as after a change of tenants: begin now instead.
        if (error instanceof ClientError && error.status >= 400 && error.status < 500) last = undefined;
      }
      if (signal.aborted) return;
      setState('lost');
      await pause(AGAIN_MS);
    }
  }

  function take(event: TaskEvent): void {
    last = event.id;
    if (event.task !== null) noteChange(event.task);
    if (batch.push(event) === 1) setTimeout(flush, BATCH_MS);
  }

  function flush(): void {
    const events = batch;
    batch = [];
    const changed = new Map<string, Task>();
    for (const { task } of events) if (task !== null) changed.set(task.id, task);
    cache.setQueriesData<TaskPage>({ queryKey: ['tasks', 'page'] }, (page) => page && withChanges(page, changed));
    for (const task of changed.values()) {
      cache.setQueryData<TaskDetail>(['tasks', 'one', task.id], (detail) => detail && { ...detail, task });
      void cache.invalidateQueries({ queryKey: ['tasks', 'one', task.id] });
    }
    const told = (noun: string): boolean => events.some(({ type }) => type.startsWith(noun));
    refreshSoon('tasks/stats', COUNT_MS);
    refreshSoon('tasks/workflow', COUNT_MS);
    if (told('approval_')) refreshSoon('approvals', BATCH_MS);
    if (told('schedule_')) refreshSoon('schedules', BATCH_MS);
    for (const watcher of watchers) watcher(events);
  }

  /** Has some queries read again, at most once in `ms`, and never while they are being read: a busy queue must not starve them. */
  function refreshSoon(key: string, ms: number): void {
    if (due.has(key)) return;
    const queryKey = key.split('/');
    const refresh = (): void => {
      due.delete(key);
      if (cache.isFetching({ queryKey }) > 0) refreshSoon(key, Math.max(ms, BATCH_MS));
      else void cache.invalidateQueries({ queryKey });
    };
    due.set(key, setTimeout(refresh, ms));
  }

  function onVisibility(): void {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(stop, HIDDEN_MS);
    else start();
  }

  return {
    watch(watcher) {
      watchers.add(watcher);
      if (watchers.size === 1) document.addEventListener('visibilitychange', onVisibility);
      start();
      return () => {
        watchers.delete(watcher);
        if (watchers.size > 0) return;
        document.removeEventListener('visibilitychange', onVisibility);
        clearTimeout(hiding);
        stop();
        last = undefined;
      };
    },
  };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
