import type { Client } from '@reeve/client';
import { routes, RUN_STATUSES, type Run, type RunEvent, type Step } from '@reeve/contract';
import { Option, type Command } from 'commander';
import { connect } from '../connect.ts';
import { EXIT, UsageError } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import {
  examples,
  exitWith,
  JSON_OPTION,
  readTextFile,
  wholeNumber,
  withListOptions,
  type ListOptions,
} from '../options.ts';
import { printJson, printJsonLine, printList, printText, wantsJson, type OutputOptions } from '../output.ts';
import { readAll } from '../pages.ts';
import { printRunDetail, RUN_COLUMNS, shownStatus } from '../runs/run-detail.ts';
import { showRun } from '../runs/run-follow.ts';
import { createRunView } from '../runs/run-view.ts';

interface RunsOptions extends ListOptions {
  readonly agent?: string;
  readonly session?: string;
  readonly task?: string;
  readonly status?: Run['status'];
}

interface ForkOptions extends OutputOptions {
  readonly from: number;
  readonly message?: string;
  readonly follow?: true;
}

interface EventsOptions extends OutputOptions {
  readonly after: number;
}

export function define(command: Command, io: CommandIo): void {
  withListOptions(
    command
      .command('list')
      .description('runs, newest first')
      .option('--agent <agent>', 'of this agent')
      .option('--session <id>', 'of this conversation')
      .option('--task <id>', 'of this task')
      .addOption(new Option('--status <status>', 'with this status').choices(RUN_STATUSES)),
  )
    .addHelpText('after', examples('reeve runs list --agent assistant --limit 10'))
    .action(exitWith(io, list));
  command
    .command('show <id>')
    .description('one run with its steps')
    .option('--json', 'print one JSON document: {"run": ..., "steps": [...]}')
    .addHelpText('after', examples('reeve runs show 01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11'))
    .action(exitWith(io, show));
  command
    .command('events <id>')
    .description('show the events of a run until it ends')
    .option('--after <number>', 'only events after this one', wholeNumber(0, 1_000_000_000), 0)
    .option('--json', 'print one JSON document an event, one a line; also where stdout is piped')
    .addHelpText('after', examples('reeve runs events 01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11 --json | jq .type'))
    .action(exitWith(io, events));
  command
    .command('fork <id>')
    .description('begin a new run that shares the steps before one, in a conversation of its own')
    .requiredOption('--from <step>', 'the first step that is made anew', wholeNumber(1, 1_000_000))
    .option('--message <text>', 'the message: replaces the first one from step 1, else the next; - reads it')
    .option('--follow', 'show it as it goes, as "reeve run" does')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      "\nThe shared steps are not made again: nothing that they did happens twice. After a run's last step it needs a message; from the middle of a turn's tool calls it takes none.",
    )
    .addHelpText(
      'after',
      examples(
        'reeve runs fork 01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11 --from 3 --follow',
        'reeve runs fork 01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11 --from 1 --message "What is 6 * 9?"',
      ),
    )
    .action(exitWith(io, fork));
  command
    .command('cancel <id>')
    .description('stop a run at its next safe point')
    .option(...JSON_OPTION)
    .addHelpText('after', examples('reeve runs cancel 01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11'))
    .action(exitWith(io, cancel));
}

async function list(io: CommandIo, options: RunsOptions): Promise<number> {
  const { agent, session, task, status, limit, offset } = options;
  await using connection = await connect(io, 'runs list');
  const answer = await connection.client.call(routes.listRuns, {
    query: { agent_id: agent, session_id: session, task_id: task, status, limit, offset },
  });
  printList(io, answer, answer.runs, RUN_COLUMNS, options);
  return EXIT.done;
}

async function show(io: CommandIo, id: string, options: OutputOptions): Promise<number> {
  await using connection = await connect(io, 'runs show');
  const { client } = connection;
  const run = await client.call(routes.getRun, { params: { id } });
  const steps = await allSteps(client, id);
  if (wantsJson(io, options)) {
    printJson(io, { run, steps });
    return EXIT.done;
  }
  const query = { run_id: id, limit: 200 };
  const { approvals } = await client.call(routes.listApprovals, { query });
  printRunDetail(io, run, steps, approvals);
  return EXIT.done;
}

async function events(io: CommandIo, id: string, options: EventsOptions): Promise<number> {
  await using connection = await connect(io, 'runs events');
  const { client, server, config } = connection;
  const { status } = await client.call(routes.getRun, { params: { id } });
  const goesOn = status === 'queued' || status === 'running';
  if (goesOn && server === undefined && config.databaseUrl === undefined) {
    throw new UsageError(
      `run ${id} is ${status} and nothing works on it: start "reeve serve", or "reeve run-once", to let it go on`,
    );
  }
  const view = wantsJson(io, options) ? (event: RunEvent) => printJsonLine(io, event) : createRunView(io);
  for await (const event of client.followRun(id, { after: options.after })) view(event);
  return EXIT.done;
}

async function fork(io: CommandIo, id: string, { from, message, follow, json }: ForkOptions): Promise<number> {
  const body = { from_step: from, message: message === '-' ? await readTextFile(io, '-') : message };
  // Without a server the run would end with this command.
  await using connection = await (follow
    ? connect(io, 'runs fork')
    : connect(io, 'runs fork without --follow', 'server'));
  const { client } = connection;
  const run = await client.call(routes.forkRun, { params: { id }, body });
  if (follow)
    return await showRun(io, connection, (signal) => client.followRun(run.id, { signal }), { json: json === true });
  if (wantsJson(io, { json: json === true })) printJson(io, run);
  else printText(io, run.id);
  return EXIT.done;
}

async function cancel(io: CommandIo, id: string, options: OutputOptions): Promise<number> {
  await using connection = await connect(io, 'runs cancel');
  const run = await connection.client.call(routes.cancelRun, { params: { id } });
  if (wantsJson(io, options)) printJson(io, run);
  else printText(io, `${run.id}  ${shownStatus(run)}`);
  return EXIT.done;
}

function allSteps(client: Client, id: string): Promise<Step[]> {
  return readAll(async (query) => {
    const { steps: rows, total } = await client.call(routes.listSteps, { params: { id }, query });
    return { rows, total };
  });
}
