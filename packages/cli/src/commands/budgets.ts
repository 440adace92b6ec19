import { BudgetScope, routes, type Budget, SettableScope } from '@reeve/contract';
import { Argument, Option, type Command } from 'commander';
import { connect } from '../connect.ts';
import { EXIT, UsageError } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { examples, exitWith, JSON_OPTION, wholeNumber, withListOptions, type ListOptions } from '../options.ts';
import { printJson, printList, printTable, wantsJson, type Column, type OutputOptions } from '../output.ts';

interface BudgetsOptions extends ListOptions {
  readonly scope?: BudgetScope;
}

interface SetOptions extends OutputOptions {
  readonly tokens?: number;
  readonly usd?: string;
}

const COLUMNS: readonly Column<Budget>[] = [
  ['OF', ({ scope, ref }) => (scope === 'tenant' ? '(the whole tenant)' : `${scope} ${ref}`)],
  ['TOKENS SPENT', ({ spent_tokens }) => spent_tokens],
  ['RESERVED', ({ reserved_tokens }) => reserved_tokens],
  ['LIMIT', ({ limit_tokens }) => limit_tokens ?? 'none'],
  ['LEFT', ({ left_tokens }) => left_tokens],
  ['USD SPENT', ({ spent_usd }) => spent_usd],
  ['RESERVED', ({ reserved_usd }) => reserved_usd],
  ['LIMIT', ({ limit_usd }) => limit_usd ?? 'none'],
  ['LEFT', ({ left_usd }) => left_usd],
];

export function define(command: Command, io: CommandIo): void {
  withListOptions(
    command
      .command('list')
      .description('what may be spent on model calls, and what is left of it')
      .addOption(new Option('--scope <scope>', 'only these').choices(BudgetScope.options)),
  )
    .addHelpText('after', examples('reeve budgets list --scope agent'))
    .action(exitWith(io, list));
  addOnBudget(command, 'set', 'limit what may be spent; a limit that is not given stays as it is')
    .option('--tokens <number>', 'at most so many tokens', wholeNumber(0, 1_000_000_000_000_000))
    .option('--usd <amount>', 'at most so many US dollars, such as 25 or 0.50')
    .addHelpText(
      'after',
      examples('reeve budgets set tenant --usd 25', 'reeve budgets set agent scout --tokens 500000'),
    )
    .action(exitWith(io, set));
  addOnBudget(command, 'clear', 'take the limits away')
    .addHelpText('after', examples('reeve budgets clear agent scout'))
    .action(exitWith(io, clear));
}

function addOnBudget(command: Command, name: string, description: string): Command {
  return command
    .command(name)
    .description(description)
    .addArgument(new Argument('<scope>', 'whose').choices(SettableScope.options))
    .argument('[ref]', 'the persona, agent or run; leave it out for the tenant')
    .option(...JSON_OPTION);
}

async function list(io: CommandIo, options: BudgetsOptions): Promise<number> {
  const { scope, limit, offset } = options;
  await using connection = await connect(io, 'budgets list');
  const answer = await connection.client.call(routes.listBudgets, { query: { scope, limit, offset } });
  printList(io, answer, answer.budgets, COLUMNS, options);
  return EXIT.done;
}

async function set(io: CommandIo, scope: SettableScope, ref: string | undefined, options: SetOptions): Promise<number> {
  const { tokens, usd } = options;
  if (tokens === undefined && usd === undefined) throw new UsageError('give --tokens, --usd or both');
  await using connection = await connect(io, 'budgets set');
  const body = { scope, ref, limit_tokens: tokens, limit_usd: usd };
  printBudget(io, await connection.client.call(routes.putBudget, { body }), options);
  return EXIT.done;
}

async function clear(
  io: CommandIo,
  scope: SettableScope,
  ref: string | undefined,
  options: OutputOptions,
): Promise<number> {
  await using connection = await connect(io, 'budgets clear');
  const body = { scope, ref, limit_tokens: null, limit_usd: null };
  printBudget(io, await connection.client.call(routes.putBudget, { body }), options);
  return EXIT.done;
}

function printBudget(io: CommandIo, budget: Budget, options: OutputOptions): void {
  if (wantsJson(io, options)) printJson(io, budget);
  else printTable(io, [budget], COLUMNS);
}
