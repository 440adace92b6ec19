import { routes, type Multitask } from '@reeve/contract';
import type { Command } from 'commander';
import { connect, type Connection } from '../connect.ts';
import { EXIT, UsageError } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { collectParameter, examples, exitWith, readTextFile } from '../options.ts';
import { printJson, printText } from '../output.ts';
import { multitaskOption, showRun } from '../runs/run-follow.ts';
import { streamRun, type RunRequest } from '../runs/run-stream.ts';

interface RunOptions {
  readonly agent: string;
  readonly param?: Readonly<Record<string, unknown>>;
  readonly session?: string;
  readonly multitask?: Multitask;
  readonly json?: true;
  readonly detach?: true;
}

const HELP = `
On a terminal the run is shown as it goes: thinking and tools on stderr, the answer on stdout. Piped, stdout gets the answer
alone; with --json one document with the answer, the tool calls and the usage. Ctrl-C cancels the run.
What needs a decision is asked at the terminal; without one stderr says what waits and how to decide.`;

export function define(command: Command, io: CommandIo): void {
  command
    .argument('<task>', 'what to do; - reads it from standard input')
    .option('--agent <agent>', 'agent by id or slug', 'assistant')
    .option(
      '--param <name=value>',
      'hand the agent a parameter; repeatable; JSON values are read as JSON',
      collectParameter,
    )
    .option('--session <id>', 'go on with a conversation')
    .addOption(multitaskOption())
    .option('--json', 'print one JSON document')
    .option('--detach', 'print the id of the run and leave it to the server')
    .addHelpText('after', HELP)
    .addHelpText(
      'after',
      examples('reeve run "What is 6 * 7?"', 'reeve run - --agent assistant --param lines=3 < task.txt'),
    )
    .action(exitWith(io, run));
}

async function run(io: CommandIo, task: string, options: RunOptions): Promise<number> {
  const request = requestOf(task === '-' ? await readTextFile(io, '-') : task, options);
  await using connection = await connect(io, 'run', options.detach ? 'server' : 'anything');
  if (options.detach) return await detach(io, connection, request, options);
  const { client } = connection;
  return await showRun(io, connection, (signal) => streamRun(client, request, signal), { json: options.json === true });
}

/** The run is committed before its first event is sent, and goes on when its reader leaves. */
async function detach(
  io: CommandIo,
  { client }: Connection,
  request: RunRequest,
  options: RunOptions,
): Promise<number> {
  for await (const { run_id } of streamRun(client, request)) {
    if (options.json) printJson(io, await client.call(routes.getRun, { params: { id: run_id } }));
    else printText(io, run_id);
    return EXIT.done;
  }
  return EXIT.failed;
}

function requestOf(task: string, { agent, param, session, multitask }: RunOptions): RunRequest {
  if (task.trim() === '') throw new UsageError('the task is empty');
  const message = param === undefined ? task : `${task}\n\nParameters:\n${JSON.stringify(param, null, 2)}`;
  return { agent_config_id: agent, message, session_id: session, multitask };
}
