import type { ConfigValue } from '@reeve/kit';
import type { Command } from 'commander';
import { checkConfig } from '@reeve/server/config-problems';
import { readConfig } from '@reeve/server/config';
import { EXIT } from '../failure.ts';
import { examples, exitWith } from '../options.ts';
import { note, printJson, printTable, printText, wantsJson, type Column, type OutputOptions } from '../output.ts';

const COLUMNS: readonly Column<ConfigValue>[] = [
  ['VARIABLE', ({ variable }) => variable],
  ['FROM', ({ origin }) => origin],
  ['VALUE', ({ shown }) => shown],
];

export function define(command: Command): void {
  command
    .command('show')
    .description('each value and where it came from; secrets are masked')
    .option('--json', 'print one JSON document')
    .addHelpText('after', examples('reeve config show'))
    .action(exitWith(show));
  command
    .command('check')
    .description('0 where a server could start with this configuration, else 1 with every problem')
    .option('--json', 'print one JSON document: {"ok": ..., "problems": [...]}')
    .addHelpText('after', examples('LLM_PROVIDER=openai reeve config check'))
    .action(exitWith(check));
}

async function show(options: OutputOptions): Promise<number> {
  const { values } = readConfig();
  if (wantsJson(options)) {
    printJson({
      values: values.map(({ variable, shown, origin, description }) => ({
        variable,
        value: shown,
        origin,
        description,
      })),
    });
  } else {
    printTable(values, COLUMNS);
  }
  return EXIT.done;
}

async function check(options: OutputOptions): Promise<number> {
  const { problems } = checkConfig();
  const isGood = problems.length === 0;
  if (wantsJson(options)) printJson({ ok: isGood, problems });
  else if (isGood) printText('the configuration is good');
  if (!isGood) for (const { message } of problems) note(`reeve: ${message}`);
  return isGood ? EXIT.done : EXIT.failed;
}
