import { routes, type ToolInfo } from '@reeve/contract';
import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { EXIT } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { examples, exitWith, JSON_OPTION } from '../options.ts';
import { note, printJson, printTable, wantsJson, type Column, type OutputOptions } from '../output.ts';

const COLUMNS: readonly Column<ToolInfo>[] = [
  ['NAME', ({ name }) => name],
  ['SOURCE', ({ source }) => source],
  ['EFFECT', ({ effect }) => effect],
  ['STATE', ({ available, breaker }) => (available ? breaker : 'unavailable')],
];

export function define(command: Command, io: CommandIo): void {
  command
    .command('list')
    .description('tools that agents can be given, and why one cannot be used')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      examples('reeve tools list', "reeve tools list --json | jq '.tools[] | select(.available | not)'"),
    )
    .action(exitWith(io, list));
}

async function list(io: CommandIo, options: OutputOptions): Promise<number> {
  await using connection = await connect(io, 'tools list');
  const answer = await connection.client.call(routes.listTools, {});
  if (wantsJson(io, options)) printJson(io, answer);
  else {
    printTable(io, answer.tools, COLUMNS);
    for (const { name, unavailable_reason: reason } of answer.tools)
      if (reason !== undefined) note(io, `\n${name}: ${reason}`);
  }
  return EXIT.done;
}
