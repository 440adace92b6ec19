import { routes, TASK_STATUSES, type Task } from '@reeve/contract';
import { sleep } from '@reeve/kit';
import { Option, type Command } from 'commander';
import { connect } from '../connect.ts';
import { EXIT } from '../failure.ts';
import { onInterrupt } from '../interrupt.ts';
import { examples, exitWith, wholeNumber } from '../options.ts';
import {
  note,
  printFields,
  printJson,
  printJsonLine,
  printList,
  printText,
  wantsJson,
  type Column,
  type OutputOptions,
} from '../output.ts';

interface ListOptions extends OutputOptions {
  readonly agent?: string;
  readonly status?: Task['status'];
  readonly type?: string;
  readonly session?: string;
  readonly query?: string;
  readonly limit: number;
  readonly offset: number;
}

interface WatchOptions extends OutputOptions {
  readonly intervalSeconds: number;
}

const COLUMNS: readonly Column<Task>[] = [
  ['ID', ({ id }) => id],
  ['AGENT', ({ agent_id }) => agent_id],
  ['TYPE', ({ task_type }) => task_type],
  ['STATUS', shownStatus],
  ['CREATED', ({ created_at }) => created_at.slice(0, 19)],
  ['TITLE', ({ title }) => title],
];
const JSON_OPTION = ['--json', 'print JSON'] as const;

export function define(command: Command): void {
  command
    .command('list')
    .description('tasks, newest first')
    .option('--agent <agent>', 'of this agent')
    .addOption(new Option('--status <status>', 'with this status').choices(TASK_STATUSES))
    .option('--type <type>', 'of this type')
    .option('--session <id>', 'of this conversation')
    .option('--query <text>', 'with this in the title')
    .option('--limit <number>', 'how many', wholeNumber(1, 200), 50)
    .option('--offset <number>', 'how many to leave out first', wholeNumber(0, 10_000_000), 0)
    .option(...JSON_OPTION)
    .addHelpText('after', examples('reeve tasks list --status failed'))
    .action(exitWith(list));
  command
    .command('show <id>')
    .description('one task')
    .option(...JSON_OPTION)
    .addHelpText('after', examples('reeve tasks show 01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11'))
    .action(exitWith(show));
  command
    .command('cancel <id>')
    .description('cancel a pending or running task')
    .option(...JSON_OPTION)
    .addHelpText('after', examples('reeve tasks cancel 01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11'))
    .action(exitWith((id: string, options: OutputOptions) => change(routes.cancelTask, id, options)));
  command
    .command('retry <id>')
    .description('queue a failed or cancelled task again')
    .option(...JSON_OPTION)
    .addHelpText('after', examples('reeve tasks retry 01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11'))
    .action(exitWith((id: string, options: OutputOptions) => change(routes.retryTask, id, options)));
  command
    .command('watch [ids...]')
    .description('tell of each change of status')
    .option('--interval-seconds <number>', 'pause between two looks', wholeNumber(1, 3_600), 1)
    .option('--json', 'print one JSON document a change, one a line')
    .addHelpText(
      'after',
      '\nWith ids until all of them have ended: 0, 3 if some did not complete, 1 if none did. Without, the newest 200 until Ctrl-C.',
    )
    .addHelpText(
      'after',
      examples('reeve tasks watch', 'reeve tasks watch 01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11 && echo done'),
    )
    .action(exitWith(watch));
}

async function list(options: ListOptions): Promise<number> {
  const { agent, status, type, session, query, limit, offset } = options;
  await using connection = await connect('tasks list');
  const answer = await connection.client.call(routes.listTasks, {
    query: { agent_id: agent, status, task_type: type, session_id: session, q: query, limit, offset },
  });
  printList(answer, answer.tasks, COLUMNS, options);
  return EXIT.done;
}

async function show(id: string, options: OutputOptions): Promise<number> {
  await using connection = await connect('tasks show');
  const answer = await connection.client.call(routes.getTask, { params: { id } });
  if (wantsJson(options)) printJson(answer);
  else printFields(Object.entries({ ...answer.task, depends_on: answer.task.depends_on.join('\n') }));
  return EXIT.done;
}

async function change(
  route: typeof routes.cancelTask | typeof routes.retryTask,
  id: string,
  options: OutputOptions,
): Promise<number> {
  await using connection = await connect(`tasks ${route === routes.cancelTask ? 'cancel' : 'retry'}`);
  const answer = await connection.client.call(route, { params: { id } });
  if (wantsJson(options)) printJson(answer);
  else printText(`${answer.task.id}  ${shownStatus(answer.task)}`);
  return EXIT.done;
}

async function watch(ids: readonly string[], options: WatchOptions): Promise<number> {
  await using connection = await connect('tasks watch', 'shared');
  const stop = new AbortController();
  let interrupted: number | undefined;
  using _ = onInterrupt((code) => {
    interrupted = code;
    stop.abort();
  });
  const seen = new Map<string, string>();
  while (!stop.signal.aborted) {
    const tasks = await look(connection.client, ids);
    for (const task of tasks) {
      const status = shownStatus(task);
      if (seen.get(task.id) === status) continue;
      seen.set(task.id, status);
      if (wantsJson(options)) printJsonLine(task);
      else printText(`${task.updated_at.slice(0, 19)}  ${task.id}  ${status.padEnd(22)}  ${task.title}`);
    }
    const ended = tasks.filter(({ status }) => status !== 'pending' && status !== 'in_progress');
    if (ids.length > 0 && ended.length === tasks.length) return exitOf(tasks);
    await sleep(options.intervalSeconds * 1_000, stop.signal);
  }
  note('');
  return ids.length > 0 ? (interrupted ?? EXIT.failed) : EXIT.done;
}

/** The tasks of these ids, or the newest, oldest first. */
async function look(client: Awaited<ReturnType<typeof connect>>['client'], ids: readonly string[]): Promise<Task[]> {
  if (ids.length === 0) return (await client.call(routes.listTasks, { query: { limit: 200 } })).tasks.reverse();
  const answers = await Promise.all(ids.map((id) => client.call(routes.getTask, { params: { id } })));
  return answers.map(({ task }) => task);
}

function exitOf(tasks: readonly Task[]): number {
  const completed = tasks.filter(({ status }) => status === 'completed').length;
  if (completed === tasks.length) return EXIT.done;
  return completed === 0 ? EXIT.failed : EXIT.partly;
}

function shownStatus({ status, waiting_for }: Task): string {
  return waiting_for === null ? status : `${status} (${waiting_for})`;
}
