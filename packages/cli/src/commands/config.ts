import type { ConfigValue } from '@reeve/kit';
import type { Command } from 'commander';
import { checkConfig } from '@reeve/server/config-problems';
import { readConfig } from '@reeve/server/config';
import { EXIT } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { examples, exitWith } from '../options.ts';
import { note, printJson, printTable, printText, wantsJson, type Column, type OutputOptions } from '../output.ts';

const COLUMNS: readonly Column<ConfigValue>[] = [
  ['VARIABLE', ({ variable }) => variable],
  ['FROM', ({ origin }) => origin],
  ['VALUE', ({ shown }) => shown],
];

export function define(command: Command, io: CommandIo): void {
  command
    .command('show')
    .description('each value and where it came from; secrets are masked')
    .option('--json', 'print one JSON document')
    .addHelpText('after', examples('reeve config show'))
    .action(exitWith(io, show));
  command
    .command('check')
    .description('0 where a server could start with this configuration, else 1 with every problem')
    .option('--json', 'print one JSON document: {"ok": ..., "problems": [...]}')
    .addHelpText('after', examples('LLM_PROVIDER=openai reeve config check'))
    .action(exitWith(io, check));
}

async function show(io: CommandIo, options: OutputOptions): Promise<number> {
  const { values } = readConfig({}, io);
  if (wantsJson(io, options)) {
    printJson(io, {
      values: values.map(({ variable, shown, origin, description }) => ({
        variable,
        value: shown,
        origin,
        description,
      })),
    });
  } else {
    printTable(io, values, COLUMNS);
  }
  return EXIT.done;
}

async function check(io: CommandIo, options: OutputOptions): Promise<number> {
  const { problems } = checkConfig(io);
  const isGood = problems.length === 0;
  if (wantsJson(io, options)) printJson(io, { ok: isGood, problems });
  else if (isGood) printText(io, 'the configuration is good');
  if (!isGood) for (const { message } of problems) note(io, `reeve: ${message}`);
  return isGood ? EXIT.done : EXIT.failed;
}
