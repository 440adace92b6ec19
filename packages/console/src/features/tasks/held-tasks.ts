import type { JournalType, Task, TaskEvent, TaskStatus } from '@reeve/contract';
import type { TaskFilter } from '../../api/tasks.ts';

/** What the list on the screen does not show yet: tasks that belong into it now, and rows of it that no longer do. */
export interface Held {
  /** By id; true where the task is newer than every row, so that all of them are one further down on the server. */
  readonly entered: ReadonlyMap<string, boolean>;
  readonly left: ReadonlySet<string>;
}

/** What a list holds. */
export interface ListOf {
  readonly filter: TaskFilter;
  /** Whether what a task names as its agent is the filter's. */
  isAgent(named: string): boolean;
}

export const NOTHING_HELD: Held = { entered: new Map(), left: new Set() };

/** The entries of the journal after which a task belongs to a status that it may not have had before. */
const ENTERS: Record<TaskStatus, readonly JournalType[]> = {
  pending: ['task_created', 'task_retried', 'task_returned'],
  in_progress: ['task_started'],
  completed: ['task_completed'],
  failed: ['task_failed', 'approval_rejected'],
  cancelled: ['task_cancelled'],
};

/** What is held after some events. `shown` are the ids of the rows. The same object where nothing changes. */
export function hold(
  held: Held,
  events: readonly Pick<TaskEvent, 'type' | 'task'>[],
  list: ListOf,
  shown: ReadonlySet<string>,
): Held {
  const entered = new Map(held.entered);
  const left = new Set(held.left);
  let changed = false;
  for (const { task, type } of events) {
    if (task === null) continue;
    const belongs = matches(task, list);
    if (shown.has(task.id)) {
      if (belongs) changed = left.delete(task.id) || changed;
      else if (!left.has(task.id)) changed = Boolean(left.add(task.id));
    } else if (!belongs) changed = entered.delete(task.id) || changed;
    else if (!entered.has(task.id) && entersBy(type, list.filter)) {
      entered.set(task.id, type === 'task_created');
      changed = true;
    }
  }
  return changed ? { entered, left } : held;
}

/** What is held after the list was read anew from its top, where no events tell: later tasks, and rows that are missing there. */
export function compare(rows: readonly Task[], found: readonly Task[]): Held {
  const shown = new Set(rows.map(({ id }) => id));
  const ids = new Set(found.map(({ id }) => id));
  const newest = rows[0]?.created_at ?? '';
  const oldest = found.at(-1)?.created_at ?? '';
  return {
    entered: new Map(found.filter(({ id }) => !shown.has(id)).map((task) => [task.id, task.created_at > newest])),
    left: new Set(rows.filter(({ id, created_at }) => created_at > oldest && !ids.has(id)).map(({ id }) => id)),
  };
}

/** How many rows further down the server has what this list shows: later tasks above it, less the rows that went away. */
export function rowsAbove({ entered, left }: Held): number {
  return [...entered.values()].filter(Boolean).length - left.size;
}

function matches(task: Task, { filter, isAgent }: ListOf): boolean {
  const { status, agent, type, session, workflow, q } = filter;
  return (
    (status === undefined || task.status === status) &&
    (agent === undefined || isAgent(task.agent_id)) &&
    (type === undefined || task.task_type === type) &&
    (session === undefined || task.session_id === session) &&
    (workflow === undefined || task.workflow_id === workflow) &&
    (q === undefined || task.title.toLowerCase().includes(q.toLowerCase()))
  );
}

function entersBy(type: string, { status }: TaskFilter): boolean {
  return status === undefined ? type === 'task_created' : ENTERS[status].some((entry) => entry === type);
}
