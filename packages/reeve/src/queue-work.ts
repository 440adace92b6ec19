import type { Client } from '@reeve/client';
import { routes, type Task } from '@reeve/contract';
import { sleep } from '@reeve/kit';
import type { Connection } from './connect.ts';
import { oneLine, type Column } from './output.ts';

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
  const [running, waiting] = [await list(client, 'in_progress'), await list(client, 'pending')];
  const ready = waiting.filter(({ waiting_for }) => waiting_for === null).sort(byTurn);
  if (waiting.length > 0) tell(`${waiting.length} pending, ${ready.length} of them ready`);
  const before = [...running, ...ready].slice(0, limit);
  const attempts = new Map(before.map((task) => [task.id, task.attempts]));
  const isOver = ({ id, status, attempts: now }: Task) =>
    !['pending', 'in_progress'].includes(status) || now > (attempts.get(id) ?? 0);
  for (;;) {
    const tasks = await read(
      client,
      before.map(({ id }) => id),
    );
    const over = tasks.filter(isOver);
    if (over.length === tasks.length || signal.aborted) return over;
    await sleep(WATCH_MS, signal);
  }
}

/** In the order in which workers take them. */
function byTurn(one: Task, other: Task): number {
  return other.priority - one.priority || one.created_at.localeCompare(other.created_at);
}

async function list(client: Client, status: Task['status']): Promise<Task[]> {
  const tasks: Task[] = [];
  for (;;) {
    const page = await client.call(routes.listTasks, { query: { status, limit: PAGE, offset: tasks.length } });
    tasks.push(...page.tasks);
    if (page.tasks.length < PAGE) return tasks;
  }
}

async function read(client: Client, ids: readonly string[]): Promise<Task[]> {
  const answers = await Promise.all(ids.map((id) => client.call(routes.getTask, { params: { id } })));
  return answers.map(({ task }) => task);
}

function processedOf({ id, agent_id, task_type, status, result_summary, error_message }: Task): Processed {
  return { id, agent: agent_id, type: task_type, status, summary: oneLine(result_summary ?? error_message ?? '') };
}
