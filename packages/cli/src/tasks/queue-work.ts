import type { Client } from '@reeve/client';
import { routes, type Task } from '@reeve/contract';
import { sleep } from '@reeve/kit';
import type { Connection } from '../connect.ts';
import { oneLine, type Column } from '../output.ts';

/** A task that was worked on, and what became of it. */
export interface Processed {
  readonly id: string;
  readonly agent: string;
  readonly type: string;
  readonly status: Task['status'];
  readonly summary: string;
}

export const PROCESSED_COLUMNS: readonly Column<Processed>[] = [
  ['ID', ({ id }) => id],
  ['AGENT', ({ agent }) => agent],
  ['TYPE', ({ type }) => type],
  ['STATUS', ({ status }) => status],
  ['SUMMARY', ({ summary }) => summary],
];

const WATCH_MS = 500;
/** The longest page that the API has. */
const PAGE = 200;

/**
 * Works on up to `limit` ready tasks, or, where a server does that, follows up to `limit` tasks that are in progress or
 * ready. Answers each with what became of it; stops early, with those that are done, when the signal aborts.
 */
export async function workOnQueue(
  connection: Connection,
  limit: number,
  signal: AbortSignal,
  tell: (text: string) => void,
): Promise<{ processed: Processed[]; failed: number }> {
  const { client, local, server } = connection;
  let tasks: Task[];
  if (server !== undefined) {
    tell(`the server at ${server.url} works on the queue by itself; following its tasks`);
    tasks = await follow(client, limit, signal, tell);
  } else {
    tasks = await work(local?.worker, client, limit, signal);
  }
  const failed = tasks.filter(({ status }) => status === 'failed' || status === 'cancelled').length;
  return { processed: tasks.map(processedOf), failed };
}

async function work(
  worker: NonNullable<Connection['local']>['worker'],
  client: Client,
  limit: number,
  signal: AbortSignal,
): Promise<Task[]> {
  if (worker === undefined) throw new Error('this process has no worker');
  const aborted = new Promise<undefined>((resolve) =>
    signal.addEventListener('abort', () => resolve(undefined), { once: true }),
  );
  const ids = signal.aborted ? undefined : await Promise.race([worker.runOnce(limit), aborted]);
  return read(client, ids ?? []);
}

async function follow(
  client: Client,
  limit: number,
  signal: AbortSignal,
  tell: (text: string) => void,
): Promise<Task[]> {
  const { by_waiting, by_status } = await client.call(routes.getTaskStats);
  const pending = by_status['pending'] ?? 0;
  if (pending > 0) tell(`${pending} pending, ${by_waiting['ready'] ?? 0} of them ready`);
  const before = (await nextTasks(client)).slice(0, limit);
  const attempts = new Map(before.map((task) => [task.id, attemptOf(task)]));
  const over = new Map<string, Task>();
  while (over.size < before.length && !signal.aborted) {
    const open = before.filter(({ id }) => !over.has(id));
    for (const task of await read(
      client,
      open.map(({ id }) => id),
    ))
      if (isOver(task, attempts.get(task.id)!)) over.set(task.id, task);
    if (over.size < before.length) await sleep(WATCH_MS, signal);
  }
  return before.flatMap(({ id }) => over.get(id) ?? []);
}

/** The attempt that is made or comes next. */
function attemptOf({ status, attempts }: Task): number {
  return status === 'in_progress' ? attempts : attempts + 1;
}

/** Whether the task has ended, or at least that attempt; one whose model takes no calls may wait for hours. */
function isOver({ status, attempts, waiting_for }: Task, attempt: number): boolean {
  if (status === 'in_progress') return attempts > attempt;
  return status !== 'pending' || waiting_for === 'model' || attempts >= attempt;
}

/** Tasks in progress, then ready ones; of a long queue those among its oldest and its newest. */
async function nextTasks(client: Client): Promise<Task[]> {
  const page = (status: Task['status'], offset: number) =>
    client.call(routes.listTasks, { query: { status, limit: PAGE, offset } });
  const [running, newest] = await Promise.all([page('in_progress', 0), page('pending', 0)]);
  const isLong = newest.total > newest.tasks.length;
  const oldest = isLong ? (await page('pending', Math.max(PAGE, newest.total - PAGE))).tasks : [];
  const ready = [...newest.tasks, ...oldest].filter(({ waiting_for }) => waiting_for === null).sort(byTurn);
  return [...new Map([...running.tasks, ...ready].map((task) => [task.id, task])).values()];
}

/** In the order in which workers take them. */
function byTurn(one: Task, other: Task): number {
  return other.priority - one.priority || one.created_at.localeCompare(other.created_at);
}

async function read(client: Client, ids: readonly string[]): Promise<Task[]> {
  const answers = await Promise.all(ids.map((id) => client.call(routes.getTask, { params: { id } })));
  return answers.map(({ task }) => task);
}

function processedOf({ id, agent_id, task_type, status, result_summary, error_message }: Task): Processed {
  return { id, agent: agent_id, type: task_type, status, summary: oneLine(result_summary ?? error_message ?? '') };
}
