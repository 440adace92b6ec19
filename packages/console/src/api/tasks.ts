import { routes, type AnswerOf, type BodyInputOf, type Task, type TaskStatus } from '@reeve/contract';
import { queryOptions } from '@tanstack/react-query';
import { api } from './connection.ts';
import { changedSince } from './recent-changes.ts';

const LOOK_MS = 5_000;
const REST_MS = 30_000;

/** Tasks fetched at once. */
export const TASKS_PER_PAGE = 200;

export interface TaskFilter {
  readonly status?: TaskStatus | undefined;
  readonly agent?: string | undefined;
  readonly type?: string | undefined;
  readonly session?: string | undefined;
  readonly workflow?: string | undefined;
  readonly q?: string | undefined;
}

export type TaskPage = AnswerOf<typeof routes.listTasks>;

/** Where the pages of one list lie in the cache; as text, because an object there would match every list that is narrower. */
export const pagesKey = (filter: TaskFilter) => ['tasks', 'page', JSON.stringify(filter)] as const;

/**
 * The tasks from `page` × 200 on, newest first, kept current by the feed and never read again by itself. `skipped` is how many newer
 * ones the reader has not been shown yet, so that a page fetched late joins on to those before it; `total` is without them.
 */
export const taskPageQuery = (filter: TaskFilter, page: number, skipped: () => number) =>
  queryOptions({
    queryKey: [...pagesKey(filter), page],
    queryFn: async ({ signal }) => {
      const skip = skipped();
      const found = await readTasks(filter, Math.max(0, page * TASKS_PER_PAGE + skip), signal);
      return { ...found, total: Math.max(0, found.total - skip) };
    },
    staleTime: Infinity,
    gcTime: 60_000,
  });

/** Reads 200 tasks from an offset on, with what the feed has told of them meanwhile. */
export async function readTasks(filter: TaskFilter, offset: number, signal?: AbortSignal): Promise<TaskPage> {
  const askedAt = performance.now();
  const { status, agent, type, session, workflow, q } = filter;
  const page = await api().call(routes.listTasks, {
    query: {
      limit: TASKS_PER_PAGE,
      offset,
      ...(status && { status }),
      ...(agent && { agent_id: agent }),
      ...(type && { task_type: type }),
      ...(session && { session_id: session }),
      ...(workflow && { workflow_id: workflow }),
      ...(q && { q }),
    },
    ...(signal && { signal }),
  });
  return withChanges(page, changedSince(askedAt));
}

/** A page with newer states of its tasks in their places; the same page where none is among them. */
export function withChanges(page: TaskPage, changed: ReadonlyMap<string, Task>): TaskPage {
  return page.tasks.some((task) => changed.has(task.id))
    ? { ...page, tasks: page.tasks.map((task) => changed.get(task.id) ?? task) }
    : page;
}

/** One task with its runs, journal and approval. Read every 5 s until it has ended; the feed has it read at once. */
export const taskQuery = (id: string) =>
  queryOptions({
    queryKey: ['tasks', 'one', id],
    queryFn: ({ signal }) => api().call(routes.getTask, { params: { id }, signal }),
    refetchInterval: ({ state }) => (state.data !== undefined && isOpen(state.data.task) ? LOOK_MS : REST_MS),
  });

/** Counts of the tenant's tasks; the feed has them read when tasks change. */
export const taskStatsQuery = (live: boolean) =>
  queryOptions({
    queryKey: ['tasks', 'stats'],
    queryFn: ({ signal }) => api().call(routes.getTaskStats, { signal }),
    refetchInterval: live ? REST_MS : LOOK_MS,
  });

/** A workflow with its tasks, read like a task. */
export const workflowQuery = (id: string) =>
  queryOptions({
    queryKey: ['tasks', 'workflow', id],
    queryFn: ({ signal }) => api().call(routes.getWorkflow, { params: { id }, signal }),
    refetchInterval: ({ state }) => (state.data?.tasks.some(isOpen) === true ? LOOK_MS : REST_MS),
  });

export type NewTask = BodyInputOf<typeof routes.createTask>;

export const createTask = async (task: NewTask): Promise<Task> =>
  (await api().call(routes.createTask, { body: task })).task;

/** What can be done to a task that is there. */
export type TaskAction = 'cancel' | 'retry' | 'approve' | 'reject';

/** Does it, and returns the task as it is then. `reason` is kept with a decision. */
export async function actOnTask(id: string, action: TaskAction, reason = '', signal?: AbortSignal): Promise<Task> {
  const call = { params: { id }, ...(signal && { signal }) };
  if (action === 'cancel') return (await api().call(routes.cancelTask, call)).task;
  if (action === 'retry') return (await api().call(routes.retryTask, call)).task;
  const body = { decision: action, ...(reason !== '' && { reason }) };
  return (await api().call(routes.decideTask, { ...call, body })).task;
}

/** Whether an action has something to act on. The server has the last word. */
export function canAct(
  task: Pick<Task, 'status' | 'waiting_for' | 'requires_approval' | 'approved_at'>,
  action: TaskAction,
): boolean {
  if (action === 'cancel') return isOpen(task);
  if (action === 'retry') return task.status === 'failed' || task.status === 'cancelled';
  // One that was let start and is parked waits for a decision on a tool call, which is made in the inbox.
  return isOpen(task) && task.waiting_for === 'approval' && task.requires_approval && task.approved_at === null;
}

/** Whether a task has not ended yet. */
export function isOpen(task: Pick<Task, 'status'>): boolean {
  return task.status === 'pending' || task.status === 'in_progress';
}
