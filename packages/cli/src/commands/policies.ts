import { Decision, routes, type TaskPolicy } from '@reeve/contract';
import { Option, type Command } from 'commander';
import { connect } from '../connect.ts';
import { EXIT, UsageError } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { examples, exitWith, JSON_OPTION, seconds, withListOptions, type ListOptions } from '../options.ts';
import {
  note,
  printJson,
  printList,
  printTable,
  shownSeconds,
  shownTime,
  wantsJson,
  type Column,
  type OutputOptions,
} from '../output.ts';

interface SetOptions extends OutputOptions {
  readonly auto?: true;
  readonly ask?: true;
  readonly tenant?: string;
  readonly expiresAfter?: number;
  readonly otherwise?: Decision;
}

const COLUMNS: readonly Column<TaskPolicy>[] = [
  ['TYPE', ({ task_type }) => task_type],
  ['TENANT', ({ tenant }) => tenant ?? '(all)'],
  ['TASKS', ({ auto_execute }) => (auto_execute ? 'start by themselves' : 'wait for a decision')],
  [
    'WITHOUT ONE',
    ({ auto_execute, expires_after_s, default_decision }) =>
      auto_execute
        ? ''
        : `${default_decision} after ${expires_after_s === null ? '7 d' : shownSeconds(expires_after_s)}`,
  ],
  ['BY', ({ updated_by }) => updated_by],
  ['SET', ({ updated_at }) => shownTime(updated_at)],
];

interface RemoveOptions {
  readonly tenant?: string;
}

export function define(command: Command, io: CommandIo): void {
  withListOptions(command.command('list').description('the rules that hold for your tenant'))
    .addHelpText('after', examples('reeve policies list'))
    .action(exitWith(io, list));
  command
    .command('set <type>')
    .description('say whether tasks of a type start by themselves; holds for tasks made from now on')
    .option('--auto', 'they do')
    .option('--ask', 'each needs approval')
    .option('--tenant <id>', 'only tasks of this tenant; its rule goes before the one for all')
    .option('--expires-after <time>', 'how long a decision is waited for, such as 15m, 2h or 7d', seconds)
    .addOption(
      new Option('--otherwise <decision>', 'what is decided after that; reject unless given').choices(Decision.options),
    )
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      examples('reeve policies set deploy --ask --expires-after 2h', 'reeve policies set sums --auto'),
    )
    .action(exitWith(io, set));
  command
    .command('remove <type>')
    .description('take a rule away, so that the one for all holds, or none')
    .option('--tenant <id>', 'the rule of this tenant; without it the one for all')
    .addHelpText('after', examples('reeve policies remove deploy', 'reeve policies remove deploy --tenant acme'))
    .action(exitWith(io, remove));
}

async function list(io: CommandIo, options: ListOptions): Promise<number> {
  const { limit, offset } = options;
  await using connection = await connect(io, 'policies list');
  const answer = await connection.client.call(routes.listPolicies, { query: { limit, offset } });
  printList(io, answer, answer.policies, COLUMNS, options);
  return EXIT.done;
}

async function set(io: CommandIo, type: string, options: SetOptions): Promise<number> {
  const { auto = false, ask = false, tenant, expiresAfter, otherwise } = options;
  if (auto === ask) throw new UsageError('give either --auto or --ask');
  await using connection = await connect(io, 'policies set');
  const policy = await connection.client.call(routes.putPolicy, {
    body: {
      task_type: type,
      auto_execute: auto,
      tenant,
      expires_after_s: expiresAfter,
      default_decision: otherwise,
    },
  });
  if (wantsJson(io, options)) printJson(io, policy);
  else printTable(io, [policy], COLUMNS);
  return EXIT.done;
}

async function remove(io: CommandIo, type: string, { tenant }: RemoveOptions): Promise<number> {
  await using connection = await connect(io, 'policies remove');
  await connection.client.call(routes.deletePolicy, { params: { task_type: type }, query: { tenant } });
  note(io, `removed the rule for ${type}`);
  return EXIT.done;
}
