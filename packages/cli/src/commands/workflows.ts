import { routes, type BodyInputOf, type Workflow, type WorkflowSummary } from '@reeve/contract';
import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { EXIT } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import {
  addOnId,
  examples,
  exitWith,
  JSON_OPTION,
  readJsonFile,
  withListOptions,
  type ListOptions,
} from '../options.ts';
import {
  printFields,
  printJson,
  printList,
  printTable,
  printText,
  shownTime,
  wantsJson,
  type Column,
  type OutputOptions,
} from '../output.ts';
import { shownStatus } from '../tasks/task-view.ts';

const COLUMNS: readonly Column<WorkflowSummary>[] = [
  ['ID', ({ id }) => id],
  ['STATUS', ({ status }) => status],
  ['TASKS', ({ counts }) => shownCounts(counts)],
  ['CREATED', ({ created_at }) => shownTime(created_at)],
  ['TITLE', ({ title }) => title],
];
const TASK_COLUMNS: readonly Column<Workflow['tasks'][number]>[] = [
  ['KEY', ({ key }) => key],
  ['ID', ({ id }) => id],
  ['AGENT', ({ agent_id }) => agent_id],
  ['STATUS', shownStatus],
  ['TITLE', ({ title }) => title],
];

const FILE = `
The file holds a JSON object as the API takes it; - is standard input:

  {"title": "Report", "on_failure": "cancel_dependents", "tasks": [
    {"key": "sum", "agent_id": "assistant", "task_type": "sums", "title": "What is 6 * 7?"},
    {"key": "tell", "agent_id": "assistant", "task_type": "note", "title": "Write it down", "depends_on": ["sum"]}
  ]}`;

export function define(command: Command, io: CommandIo): void {
  command
    .command('create <file>')
    .description('put a graph of tasks into the queue, all or none')
    .option(...JSON_OPTION)
    .addHelpText('after', FILE)
    .addHelpText('after', examples('reeve workflows create report.json'))
    .action(exitWith(io, create));
  withListOptions(command.command('list').description('workflows, newest first'))
    .addHelpText('after', examples('reeve workflows list'))
    .action(exitWith(io, list));
  addOnId(io, command, 'show', 'one workflow with its tasks', show);
  addOnId(io, command, 'cancel', 'cancel all of its tasks that have not ended', cancel);
}

async function create(io: CommandIo, file: string, options: OutputOptions): Promise<number> {
  const body = (await readJsonFile(io, file)) as BodyInputOf<typeof routes.createWorkflow>;
  await using connection = await connect(io, 'workflows create');
  printWorkflow(io, await connection.client.call(routes.createWorkflow, { body }), options);
  return EXIT.done;
}

async function list(io: CommandIo, options: ListOptions): Promise<number> {
  const { limit, offset } = options;
  await using connection = await connect(io, 'workflows list');
  const answer = await connection.client.call(routes.listWorkflows, { query: { limit, offset } });
  printList(io, answer, answer.workflows, COLUMNS, options);
  return EXIT.done;
}

async function show(io: CommandIo, id: string, options: OutputOptions): Promise<number> {
  await using connection = await connect(io, 'workflows show');
  printWorkflow(io, await connection.client.call(routes.getWorkflow, { params: { id } }), options);
  return EXIT.done;
}

async function cancel(io: CommandIo, id: string, options: OutputOptions): Promise<number> {
  await using connection = await connect(io, 'workflows cancel');
  printWorkflow(io, await connection.client.call(routes.cancelWorkflow, { params: { id } }), options);
  return EXIT.done;
}

function printWorkflow(io: CommandIo, workflow: Workflow, options: OutputOptions): void {
  if (wantsJson(io, options)) return printJson(io, workflow);
  const { tasks, counts, ...fields } = workflow;
  printFields(io, Object.entries({ ...fields, counts: shownCounts(counts) }));
  printText(io, '');
  printTable(io, tasks, TASK_COLUMNS);
}

function shownCounts(counts: WorkflowSummary['counts']): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([status, count]) => `${count} ${status.replace('_', ' ')}`)
    .join(', ');
}
