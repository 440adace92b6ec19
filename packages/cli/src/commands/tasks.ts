import { routes, TASK_STATUSES, type Decision, type Task } from '@reeve/contract';
import { Option, type Command } from 'commander';
import { APPROVAL_COLUMNS } from '../runs/approval-view.ts';
import { connect } from '../connect.ts';
import { EXIT } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { examples, exitWith, JSON_OPTION, withListOptions, type ListOptions } from '../options.ts';
import { note, printJson, printList, wantsJson, type OutputOptions } from '../output.ts';
import { changeTasks } from '../tasks/task-changes.ts';
import { printTaskDetail, TASK_COLUMNS } from '../tasks/task-view.ts';
import { watchTasks } from '../tasks/task-watch.ts';

interface TasksOptions extends ListOptions {
  readonly agent?: string;
  readonly status?: Task['status'];
  readonly type?: string;
  readonly session?: string;
  readonly workflow?: string;
  readonly query?: string;
}

interface DecisionOptions extends OutputOptions {
  readonly reason?: string;
}

const ID = '01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11';
const SEVERAL = `
Each id by itself, as many as can be. JSON is {"tasks": [...], "failed": [{"id", "code", "message"}]}. The exit code is 3 where some
failed, and where all did what their failure means.`;

export function define(command: Command, io: CommandIo): void {
  withListOptions(
    command
      .command('list')
      .description('tasks, newest first')
      .option('--agent <agent>', 'of this agent')
      .addOption(new Option('--status <status>', 'with this status').choices(TASK_STATUSES))
      .option('--type <type>', 'of this type')
      .option('--session <id>', 'of this conversation')
      .option('--workflow <id>', 'of this workflow')
      .option('--query <text>', 'with this in the title'),
  )
    .addHelpText('after', examples('reeve tasks list --status failed'))
    .action(exitWith(io, list));
  withListOptions(command.command('inbox').description('tasks that await a decision, oldest first'))
    .addHelpText(
      'after',
      '\nTasks, and tool calls of runs. The ids are those of "reeve approvals approve" and "reject".',
    )
    .addHelpText(
      'after',
      examples(
        'reeve tasks inbox',
        `reeve tasks approve $(reeve tasks inbox | jq -r '.approvals[] | select(.kind == "task").task_id')`,
      ),
    )
    .action(exitWith(io, inbox));
  command
    .command('show <id>')
    .description('one task with its approval, its runs and its journal')
    .option(...JSON_OPTION)
    .addHelpText('after', examples(`reeve tasks show ${ID}`))
    .action(exitWith(io, show));
  command
    .command('watch [ids...]')
    .description('what happens to tasks, as it happens')
    .option('--agent <agent>', 'without ids: of this agent')
    .option('--type <type>', 'without ids: of this type')
    .option('--json', 'print one JSON document an event, one a line; also where stdout is piped')
    .addHelpText(
      'after',
      '\nWith ids from their creation until all have ended: 0, 3 if some did not complete, 1 if none did. Without, from now on until Ctrl-C.',
    )
    .addHelpText('after', examples('reeve tasks watch --agent assistant', `reeve tasks watch ${ID} && echo done`))
    .action(exitWith(io, watchTasks));
  withDecision(command.command('approve <ids...>').description('let tasks go on that wait for a decision'))
    .addHelpText('after', examples(`reeve tasks approve ${ID} --reason "checked with Ada"`))
    .action(exitWith(io, decide('approve')));
  withDecision(command.command('reject <ids...>').description('end tasks that wait for a decision as failed'))
    .addHelpText('after', examples(`reeve tasks reject ${ID} --reason "too expensive"`))
    .action(exitWith(io, decide('reject')));
  command
    .command('cancel <ids...>')
    .description('cancel pending or running tasks')
    .option(...JSON_OPTION)
    .addHelpText('after', SEVERAL)
    .addHelpText('after', examples(`reeve tasks cancel ${ID}`))
    .action(exitWith(io, cancel));
  command
    .command('retry <ids...>')
    .description('queue failed or cancelled tasks again')
    .option(...JSON_OPTION)
    .addHelpText('after', SEVERAL)
    .addHelpText('after', examples("reeve tasks retry $(reeve tasks list --status failed | jq -r '.tasks[].id')"))
    .action(exitWith(io, retry));
}

function withDecision(command: Command): Command {
  return command
    .option('--reason <text>', 'why; kept with the decision')
    .option(...JSON_OPTION)
    .addHelpText('after', SEVERAL);
}

async function list(io: CommandIo, options: TasksOptions): Promise<number> {
  const { agent, status, type, session, workflow, query, limit, offset } = options;
  await using connection = await connect(io, 'tasks list');
  const answer = await connection.client.call(routes.listTasks, {
    query: {
      agent_id: agent,
      status,
      task_type: type,
      session_id: session,
      workflow_id: workflow,
      q: query,
      limit,
      offset,
    },
  });
  printList(io, answer, answer.tasks, TASK_COLUMNS, options);
  return EXIT.done;
}

async function inbox(io: CommandIo, options: ListOptions): Promise<number> {
  const { limit, offset } = options;
  await using connection = await connect(io, 'tasks inbox');
  const answer = await connection.client.call(routes.listApprovals, { query: { limit, offset } });
  printList(io, answer, answer.approvals, APPROVAL_COLUMNS, options);
  if (!wantsJson(io, options) && answer.total > 0)
    note(io, 'reeve approvals show <id> says what an answer does; reeve approvals approve|reject <id> gives it');
  return EXIT.done;
}

async function show(io: CommandIo, id: string, options: OutputOptions): Promise<number> {
  await using connection = await connect(io, 'tasks show');
  const answer = await connection.client.call(routes.getTask, { params: { id } });
  if (wantsJson(io, options)) printJson(io, answer);
  else printTaskDetail(io, answer);
  return EXIT.done;
}

function decide(decision: Decision) {
  return (io: CommandIo, ids: readonly string[], options: DecisionOptions): Promise<number> =>
    changeTasks(
      io,
      decision,
      ids,
      (client, id) => client.call(routes.decideTask, { params: { id }, body: { decision, reason: options.reason } }),
      options,
    );
}

function cancel(io: CommandIo, ids: readonly string[], options: OutputOptions): Promise<number> {
  return changeTasks(io, 'cancel', ids, (client, id) => client.call(routes.cancelTask, { params: { id } }), options);
}

function retry(io: CommandIo, ids: readonly string[], options: OutputOptions): Promise<number> {
  return changeTasks(io, 'retry', ids, (client, id) => client.call(routes.retryTask, { params: { id } }), options);
}
