import type { Client } from '@reeve/client';
import { routes, type AnswerOf, type Schedule } from '@reeve/contract';
import { readHolder, type Holder } from '@reeve/db/lock';
import type { Command } from 'commander';
import { connect, type ServerInfo } from '../connect.ts';
import { EXIT } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { examples, exitWith } from '../options.ts';
import { printFields, printJson, shownSeconds, shownTime, wantsJson, type OutputOptions } from '../output.ts';

/** The longest page that the API has. */
const PAGE = 200;

export function define(command: Command, io: CommandIo): void {
  command
    .option('--json', 'print one JSON document')
    .addHelpText('after', examples('reeve status', 'reeve status --json | jq .tasks.by_status.pending'))
    .action(exitWith(io, status));
}

async function status(io: CommandIo, options: OutputOptions): Promise<number> {
  await using connection = await connect(io, 'status');
  const { client, server, dataDirectory, config } = connection;
  const [health, tasks, approvals, schedule] = await Promise.all([
    client.call(routes.getHealth),
    client.call(routes.getTaskStats),
    client.call(routes.listApprovals, { query: { limit: 1 } }),
    nextSchedule(client),
  ]);
  // Of a server elsewhere nothing is known but what it says itself.
  const isHere = server === undefined || server.pid !== null;
  if (wantsJson(io, options)) {
    const database = config.databaseUrl === undefined ? 'embedded' : 'postgres';
    printJson(io, {
      server: server ?? null,
      data_directory: isHere ? dataDirectory : null,
      database: isHere ? database : null,
      health,
      tasks,
      pending_approvals: approvals.total,
      next_schedule: schedule ?? null,
    });
    return EXIT.done;
  }
  const holder = server === undefined ? undefined : readHolder(dataDirectory);
  printFields(io, [
    ['server', shownServer(server, holder)],
    ['data', isHere ? `${dataDirectory}${shownHolder(holder)}` : undefined],
    ['version', health.version],
    ['health', shownHealth(health)],
    ['tasks', counts(tasks.by_status) || 'none'],
    ['pending', counts(tasks.by_waiting)],
    ['by agent', counts(tasks.by_agent)],
    [
      'oldest',
      tasks.oldest_pending_age_s === null
        ? 'none waits for a worker'
        : `waits for a worker for ${shownSeconds(tasks.oldest_pending_age_s)}`,
    ],
    ['last hour', `${tasks.completed_last_hour} completed, ${tasks.failed_last_hour} failed`],
    ['pace', `${tasks.throughput_per_minute} a minute in the last five`],
    ['approvals', approvals.total === 0 ? 'none waits' : `${approvals.total} pending: reeve tasks inbox`],
    ['next due', schedule && `${shownTime(schedule.next_run_at)}  ${schedule.title}`],
  ]);
  return EXIT.done;
}

/** The schedule that is due first. */
async function nextSchedule(client: Client): Promise<Schedule | undefined> {
  let next: Schedule | undefined;
  for (let offset = 0; ; offset += PAGE) {
    const query = { enabled: 'true', limit: PAGE, offset } as const;
    const { schedules, total } = await client.call(routes.listSchedules, { query });
    for (const schedule of schedules)
      if (schedule.next_run_at !== null && schedule.next_run_at < (next?.next_run_at ?? '~')) next = schedule;
    if (offset + PAGE >= total) return next;
  }
}

function shownServer(server: ServerInfo | undefined, holder: Holder | undefined): string {
  if (server === undefined) return 'none is running; nothing works on the queue';
  const pid = server.pid ?? (holder?.url === server.url ? holder.pid : null);
  return pid === null ? server.url : `${server.url}, process ${pid}`;
}

function shownHolder(holder: Holder | undefined): string {
  return holder === undefined ? ', free' : `, held by process ${holder.pid} (reeve ${holder.command})`;
}

function shownHealth({ status, components }: AnswerOf<typeof routes.getHealth>): string {
  const troubled = Object.entries(components).filter(([, component]) => component.status !== 'ok');
  const lines = troubled.map(
    ([name, component]) =>
      `${name}: ${component.status}${component.message === undefined ? '' : `, ${component.message}`}`,
  );
  return [status, ...lines].join('\n');
}

function counts(numbers: Readonly<Record<string, number>>): string {
  return Object.entries(numbers)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name.replace('_', ' ')}`)
    .join(', ');
}
