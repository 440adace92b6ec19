import { routes, type BodyInputOf, type Task, type TaskStatus } from '@reeve/contract';
import { queryOptions } from '@tanstack/react-query';
import { api } from './connection.ts';

const LIVE_MS = 2_000;
const IDLE_MS = 10_000;

/** Tasks per page of the list. */
export const TASKS_PER_PAGE = 50;

export interface TaskFilter {
  readonly status?: TaskStatus | undefined;
  readonly agent?: string | undefined;
  readonly q?: string | undefined;
  readonly offset: number;
}

/** A page of tasks, newest first; read every 2 s while one of them has not ended, else every 10 s. */
export const tasksQuery = ({ status, agent, q, offset }: TaskFilter) =>
  queryOptions({
    queryKey: ['tasks', 'list', status ?? '', agent ?? '', q ?? '', offset],
    queryFn: ({ signal }) =>
      api().call(routes.listTasks, {
        query: {
          limit: TASKS_PER_PAGE,
          offset,
          ...(status && { status }),
          ...(agent && { agent_id: agent }),
          ...(q && { q }),
        },
        signal,
      }),
    placeholderData: (previous) => previous,
    refetchInterval: ({ state }) => (state.data?.tasks.some(isOpen) === true ? LIVE_MS : IDLE_MS),
  });

/** One task, read every 2 s until it has ended. */
export const taskQuery = (id: string) =>
  queryOptions({
    queryKey: ['tasks', 'one', id],
    queryFn: async ({ signal }) => (await api().call(routes.getTask, { params: { id }, signal })).task,
    refetchInterval: ({ state }) => (state.data !== undefined && isOpen(state.data) ? LIVE_MS : false),
  });

/** Counts of the tenant's tasks. */
export const taskStatsQuery = queryOptions({
  queryKey: ['tasks', 'stats'],
  queryFn: ({ signal }) => api().call(routes.getTaskStats, { signal }),
  refetchInterval: ({ state }) => {
    const counts = state.data?.by_status;
    return (counts?.['pending'] ?? 0) + (counts?.['in_progress'] ?? 0) > 0 ? LIVE_MS : IDLE_MS;
  },
});

export type NewTask = BodyInputOf<typeof routes.createTask>;

export const createTask = async (task: NewTask): Promise<Task> =>
  (await api().call(routes.createTask, { body: task })).task;
export const cancelTask = async (id: string): Promise<Task> =>
  (await api().call(routes.cancelTask, { params: { id } })).task;
export const retryTask = async (id: string): Promise<Task> =>
  (await api().call(routes.retryTask, { params: { id } })).task;

/** Whether a task has not ended yet. */
export function isOpen(task: Task): boolean {
  return task.status === 'pending' || task.status === 'in_progress';
}
