import { readHolder } from '@reeve/db';
import { routes } from '@reeve/contract';
import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { EXIT } from '../failure.ts';
import { examples, exitWith } from '../options.ts';
import { printFields, printJson, wantsJson, type OutputOptions } from '../output.ts';

export function define(command: Command): void {
  command
    .option('--json', 'print one JSON document')
    .addHelpText('after', examples('reeve status', 'reeve status --json | jq .tasks.by_status.pending'))
    .action(exitWith(status));
}

async function status(options: OutputOptions): Promise<number> {
  await using connection = await connect('status');
  const { client, server, dataDirectory, config } = connection;
  const [health, tasks] = await Promise.all([client.call(routes.getHealth), client.call(routes.getTaskStats)]);
  const holder = server === undefined ? undefined : readHolder(dataDirectory);
  if (wantsJson(options)) {
    const database = config.databaseUrl === undefined ? 'embedded' : 'postgres';
    printJson({ server: server ?? null, data_directory: dataDirectory, database, health, tasks });
    return EXIT.done;
  }
  const counts = Object.entries(tasks.by_status).map(([name, count]) => `${count} ${name.replace('_', ' ')}`);
  const troubled = Object.entries(health.components).filter(([, component]) => component.status !== 'ok');
  printFields([
    [
      'server',
      server === undefined
        ? 'none is running; nothing works on the queue'
        : `${server.url}${pidOf(server.pid ?? (holder?.url === server.url ? holder.pid : null))}`,
    ],
    [
      'data',
      server === undefined || server.pid !== null
        ? `${dataDirectory}${holder === undefined ? ', free' : `, held by process ${holder.pid} (reeve ${holder.command})`}`
        : undefined,
    ],
    ['version', health.version],
    [
      'health',
      [
        health.status,
        ...troubled.map(
          ([name, { status: state, message }]) => `${name}: ${state}${message === undefined ? '' : `, ${message}`}`,
        ),
      ].join('\n'),
    ],
    ['tasks', counts.length === 0 ? 'none' : counts.join(', ')],
    [
      'by agent',
      Object.entries(tasks.by_agent)
        .map(([name, count]) => `${name} ${count}`)
        .join(', '),
    ],
    [
      'oldest',
      tasks.oldest_pending_age_s === null ? 'none waits' : `waits for ${shownAge(tasks.oldest_pending_age_s)}`,
    ],
    ['last hour', `${tasks.completed_last_hour} completed`],
  ]);
  return EXIT.done;
}

function pidOf(pid: number | null): string {
  return pid === null ? '' : `, process ${pid}`;
}

function shownAge(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
}
