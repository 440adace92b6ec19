import type { Agent, Task, TaskEvent } from '@reeve/contract';
import { queryOptions, skipToken, useQueries, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useEffectEvent } from 'react';
import {
  readTasks,
  pagesKey,
  taskPageQuery,
  TASKS_PER_PAGE,
  withChanges,
  type TaskFilter,
  type TaskPage,
} from '../../api/tasks.ts';
import { findAgent } from '../../api/agents.ts';
import { useTaskFeed, type FeedState } from '../../api/task-feed.ts';
import { compare, hold, NOTHING_HELD, rowsAbove, type Held } from './held-tasks.ts';

const POLL_MS = 4_000;
const SETTLE_MS = 800;

/** What is held back of a list; written by its rows, never fetched. */
const heldQuery = (filter: TaskFilter) =>
  queryOptions<Held>({ queryKey: ['held-tasks', ...pagesKey(filter)], queryFn: skipToken, gcTime: 0 });

export interface TaskRows {
  readonly feed: FeedState;
  /** How many tasks the list has, loaded or not; undefined until the first are. */
  readonly count: number | undefined;
  readonly error: Error | null;
  /** Tasks that belong here and are not shown yet. */
  readonly held: number;
  /** The task of a row, where it is loaded. */
  at(index: number): Task | undefined;
  /** The tasks of some rows, loading those that are not. */
  load(from: number, to: number): Promise<readonly Task[]>;
  /** Shows what is held: reads the list anew. */
  show(): void;
}

interface TaskRowsOptions {
  readonly filter: TaskFilter;
  readonly agents: readonly Agent[];
  /** First and last row in view. */
  readonly view: readonly [number, number];
  /** Whether rows must stay where they are. */
  readonly still: boolean;
}

/**
 * The rows of the list. Those that are shown change in place as the feed tells, or as polling finds where the feed is lost. What would
 * move them (new tasks, and tasks that no longer match) is held back while `still`, else taken in within a second.
 */
export function useTaskRows({ filter, agents, view, still }: TaskRowsOptions): TaskRows {
  const cache = useQueryClient();
  const held = useQuery(heldQuery(filter)).data ?? NOTHING_HELD;
  const heldNow = (): Held => cache.getQueryData(heldQuery(filter).queryKey) ?? NOTHING_HELD;
  const [first, last] = view.map((row) => Math.floor(Math.max(0, row) / TASKS_PER_PAGE)) as [number, number];
  const queryOf = (page: number) => taskPageQuery(filter, page, () => rowsAbove(heldNow()));
  // The first page always: it has the count, and what is new is told by it.
  const inView = [...new Set([0, ...Array.from({ length: last - first + 1 }, (_, index) => first + index)])];
  const pages = useQueries({ queries: inView.map(queryOf) });

  const pageOf = (page: number): TaskPage | undefined => cache.getQueryData(queryOf(page).queryKey);
  const shownIds = (): ReadonlySet<string> => {
    const rows = cache.getQueriesData<TaskPage>({ queryKey: pagesKey(filter) });
    return new Set(rows.flatMap(([, page]) => page?.tasks ?? []).map(({ id }) => id));
  };
  const change = (next: Held): void => void cache.setQueryData(heldQuery(filter).queryKey, next);

  // A task and an address may name one agent in two ways, by its id and its slug.
  const agent = filter.agent === undefined ? undefined : findAgent(agents, filter.agent);
  const isAgent = (named: string): boolean => named === filter.agent || named === agent?.id || named === agent?.slug;
  const feed = useTaskFeed((events: readonly TaskEvent[]) => {
    change(hold(heldNow(), events, { filter, isAgent }, shownIds()));
  });

  /** Reads what is in view and puts it into the rows that it belongs to; what has no row is held. */
  const poll = useEffectEvent(async (signal: AbortSignal): Promise<void> => {
    const found = await readTasks(filter, 0, signal);
    const rows = pageOf(0)?.tasks;
    if (rows === undefined) return;
    change(compare(rows, found.tasks));
    const below = inView.filter((page) => page > 0);
    const rest = await Promise.all(
      below.map((page) => readTasks(filter, page * TASKS_PER_PAGE + rowsAbove(heldNow()), signal)),
    );
    const changed = new Map([found, ...rest].flatMap(({ tasks }) => tasks).map((task) => [task.id, task]));
    cache.setQueriesData<TaskPage>({ queryKey: pagesKey(filter) }, (page) => page && withChanges(page, changed));
  });
  useEffect(() => {
    const stop = new AbortController();
    const look = () => void poll(stop.signal).catch(() => undefined);
    // Also once when the feed begins: what happened between the first reading and its first event is not told.
    if (feed === 'live') look();
    const timer = feed === 'live' ? undefined : setInterval(look, POLL_MS);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, [feed]);

  const show = (): void => {
    change(NOTHING_HELD);
    cache.removeQueries({ queryKey: pagesKey(filter), type: 'inactive' });
    void cache.invalidateQueries({ queryKey: pagesKey(filter) });
  };
  const waiting = held.entered.size + held.left.size > 0;
  const settle = useEffectEvent(show);
  useEffect(() => {
    if (still || !waiting) return;
    const timer = setTimeout(() => settle(), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [still, waiting]);

  const readAt = Math.max(...pages.map((page) => page.dataUpdatedAt));
  const prune = useEffectEvent(() => {
    const shown = shownIds();
    const entered = [...heldNow().entered].filter(([id]) => !shown.has(id));
    if (entered.length < heldNow().entered.size) change({ ...heldNow(), entered: new Map(entered) });
  });
  // What was created while a page was on its way came with the page.
  useEffect(() => prune(), [readAt]);

  const newest = pages.reduce((best, page) => (page.dataUpdatedAt > best.dataUpdatedAt ? page : best));
  return {
    feed,
    count: newest.data?.total,
    error: pages.find((page) => page.isError)?.error ?? null,
    held: held.entered.size,
    at: (index) => pages[inView.indexOf(Math.floor(index / TASKS_PER_PAGE))]?.data?.tasks[index % TASKS_PER_PAGE],
    async load(from, to) {
      const wanted = Array.from(
        { length: Math.floor(to / TASKS_PER_PAGE) - Math.floor(from / TASKS_PER_PAGE) + 1 },
        (_, index) => Math.floor(from / TASKS_PER_PAGE) + index,
      );
      const loaded = await Promise.all(wanted.map((page) => cache.ensureQueryData(queryOf(page))));
      const offset = (wanted[0] ?? 0) * TASKS_PER_PAGE;
      return loaded.flatMap((page) => page.tasks).slice(from - offset, to - offset + 1);
    },
    show,
  };
}
