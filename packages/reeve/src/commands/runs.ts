import type { Client } from '@reeve/client';
import { routes, RUN_STATUSES, type Run, type Step } from '@reeve/contract';
import { Option, type Command } from 'commander';
import { connect } from '../connect.ts';
import { EXIT, UsageError } from '../failure.ts';
import { examples, exitWith, JSON_OPTION, wholeNumber, withListOptions, type ListOptions } from '../options.ts';
import {
  printFields,
  printJson,
  printJsonLine,
  printList,
  printTable,
  printText,
  wantsJson,
  type Column,
  type OutputOptions,
} from '../output.ts';
import { createRunView } from '../run-view.ts';

interface RunsOptions extends ListOptions {
  readonly agent?: string;
  readonly session?: string;
  readonly task?: string;
  readonly status?: Run['status'];
}

interface EventsOptions extends OutputOptions {
  readonly after: number;
}

const COLUMNS: readonly Column<Run>[] = [
  ['ID', ({ id }) => id],
  ['AGENT', ({ agent }) => agent],
  ['DOOR', ({ door }) => door],
  ['STATUS', ({ status }) => status],
  ['STEPS', ({ steps }) => steps],
  ['CREATED', ({ created_at }) => created_at.slice(0, 19)],
  ['INPUT', ({ input }) => input],
];
const STEP_COLUMNS: readonly Column<Step>[] = [
  ['STEP', ({ number }) => number],
  ['KIND', ({ kind }) => kind],
  ['NAME', ({ name }) => name],
  ['OUTCOME', ({ status, outcome }) => outcome ?? status],
  ['INPUT', ({ kind, input }) => (kind === 'tool' ? JSON.stringify(input) : '')],
];

export function define(command: Command): void {
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
    .action(exitWith(list));
  command
    .command('show <id>')
    .description('one run with its steps')
    .option('--json', 'print one JSON document: {"run": ..., "steps": [...]}')
    .addHelpText('after', examples('reeve runs show 01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11'))
    .action(exitWith(show));
  command
    .command('events <id>')
    .description('what a run told, and tells until it ends')
    .option('--after <number>', 'only events after this one', wholeNumber(0, 1_000_000_000), 0)
    .option('--json', 'print one JSON document an event, one a line; also where stdout is piped')
    .addHelpText('after', examples('reeve runs events 01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11 --json | jq .type'))
    .action(exitWith(events));
  command
    .command('cancel <id>')
    .description('stop a run at its next safe point')
    .option(...JSON_OPTION)
    .addHelpText('after', examples('reeve runs cancel 01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11'))
    .action(exitWith(cancel));
}

async function list(options: RunsOptions): Promise<number> {
  const { agent, session, task, status, limit, offset } = options;
  await using connection = await connect('runs list');
  const answer = await connection.client.call(routes.listRuns, {
    query: { agent_id: agent, session_id: session, task_id: task, status, limit, offset },
  });
  printList(answer, answer.runs, COLUMNS, options);
  return EXIT.done;
}

async function show(id: string, options: OutputOptions): Promise<number> {
  await using connection = await connect('runs show');
  const { client } = connection;
  const run = await client.call(routes.getRun, { params: { id } });
  const steps = await allSteps(client, id);
  if (wantsJson(options)) {
    printJson({ run, steps });
    return EXIT.done;
  }
  const { usage, error, ...fields } = run;
  const tokens = `${usage.input_tokens} tokens in, ${usage.output_tokens} out${usage.cost_usd === null ? '' : `, ${usage.cost_usd} USD`}`;
  printFields(Object.entries({ ...fields, error: error && `${error.code}: ${error.message}`, usage: tokens }));
  if (steps.length > 0) printText('');
  if (steps.length > 0) printTable(steps, STEP_COLUMNS);
  return EXIT.done;
}

async function events(id: string, options: EventsOptions): Promise<number> {
  await using connection = await connect('runs events');
  const { client, server, config } = connection;
  const { status } = await client.call(routes.getRun, { params: { id } });
  const goesOn = status === 'queued' || status === 'running';
  if (goesOn && server === undefined && config.databaseUrl === undefined) {
    throw new UsageError(
      `run ${id} is ${status} and nothing works on it: start "reeve serve", or "reeve run-once", to let it go on`,
    );
  }
  const view = wantsJson(options) ? printJsonLine : createRunView();
  for await (const event of client.followRun(id, { after: options.after })) view(event);
  return EXIT.done;
}

async function cancel(id: string, options: OutputOptions): Promise<number> {
  await using connection = await connect('runs cancel');
  const run = await connection.client.call(routes.cancelRun, { params: { id } });
  if (wantsJson(options)) printJson(run);
  else printText(`${run.id}  ${run.status}`);
  return EXIT.done;
}

async function allSteps(client: Client, id: string): Promise<Step[]> {
  const steps: Step[] = [];
  for (;;) {
    const page = await client.call(routes.listSteps, { params: { id }, query: { limit: 200, offset: steps.length } });
    steps.push(...page.steps);
    if (page.steps.length === 0 || steps.length >= page.total) return steps;
  }
}
