import type { Command } from 'commander';
import { runChecks } from '@reeve/server/checks';
import { CHECKS_JSON_OPTION, printChecks } from '../checks.ts';
import type { CommandIo } from '../io.ts';
import { examples, exitWith } from '../options.ts';
import type { OutputOptions } from '../output.ts';

export function define(command: Command, io: CommandIo): void {
  command
    .option(...CHECKS_JSON_OPTION)
    .addHelpText(
      'after',
      '\nChanges nothing and calls no model. The exit code is 1 if any check fails; warnings do not count.',
    )
    .addHelpText('after', examples('reeve doctor', 'reeve doctor --json | jq \'.checks[] | select(.state != "ok")\''))
    .action(exitWith(io, doctor));
}

async function doctor(io: CommandIo, options: OutputOptions): Promise<number> {
  return printChecks(io, await runChecks(io), options);
}
