import { routes, type ConcurrencyLimit } from '@reeve/contract';
import { InvalidArgumentError, type Command } from 'commander';
import { connect } from '../connect.ts';
import { EXIT } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { examples, exitWith, JSON_OPTION, wholeNumber, withListOptions, type ListOptions } from '../options.ts';
import { printList, type Column, type OutputOptions } from '../output.ts';

interface SetOptions extends OutputOptions {
  readonly agent?: string;
}

const COLUMNS: readonly Column<ConcurrencyLimit>[] = [
  ['OF', ({ agent_id }) => agent_id ?? '(the whole tenant)'],
  ['AT ONCE', ({ max_running }) => max_running],
];

export function define(command: Command, io: CommandIo): void {
  withListOptions(command.command('list').description('how many tasks may run at once, where that is limited'))
    .addHelpText('after', examples('reeve limits list'))
    .action(exitWith(io, list));
  command
    .command('set')
    .argument('<number>', 'how many may run at once; 0 lets nothing start, none takes the limit away', limitOf)
    .description('limit how many tasks of your tenant run at once')
    .option('--agent <agent>', 'only those of this agent')
    .option(...JSON_OPTION)
    .addHelpText('after', examples('reeve limits set 2 --agent assistant', 'reeve limits set none'))
    .action(exitWith(io, set));
}

async function list(io: CommandIo, options: ListOptions): Promise<number> {
  const { limit, offset } = options;
  await using connection = await connect(io, 'limits list');
  const answer = await connection.client.call(routes.listLimits, { query: { limit, offset } });
  printList(io, answer, answer.limits, COLUMNS, options);
  return EXIT.done;
}

async function set(io: CommandIo, { max }: Limit, options: SetOptions): Promise<number> {
  await using connection = await connect(io, 'limits set');
  const answer = await connection.client.call(routes.putLimit, { body: { agent_id: options.agent, max_running: max } });
  printList(io, answer, answer.limits, COLUMNS, options);
  return EXIT.done;
}

/** Wrapped, since commander takes a null for an argument that is missing. */
interface Limit {
  readonly max: number | null;
}

function limitOf(text: string): Limit {
  if (text === 'none') return { max: null };
  try {
    return { max: wholeNumber(0, 100_000)(text) };
  } catch {
    throw new InvalidArgumentError('It must be a whole number from 0 to 100000, or none.');
  }
}
