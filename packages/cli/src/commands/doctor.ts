import type { Command } from 'commander';
import { runChecks, type Check } from '@reeve/server/checks';
import { EXIT } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { examples, exitWith } from '../options.ts';
import { note, printJson, printTable, wantsJson, type Column, type OutputOptions } from '../output.ts';

const COLUMNS: readonly Column<Check>[] = [
  ['CHECK', ({ name }) => name],
  ['STATE', ({ state }) => state],
  ['EVIDENCE', ({ evidence }) => evidence],
];

export function define(command: Command, io: CommandIo): void {
  command
    .option('--json', 'print one JSON document: {"ok": ..., "checks": [{"name", "state", "evidence", "remedy"}]}')
    .addHelpText(
      'after',
      '\nChanges nothing and calls no model. The exit code is 1 if any check fails; warnings do not count.',
    )
    .addHelpText('after', examples('reeve doctor', 'reeve doctor --json | jq \'.checks[] | select(.state != "ok")\''))
    .action(exitWith(io, doctor));
}

async function doctor(io: CommandIo, options: OutputOptions): Promise<number> {
  const checks = await runChecks(io);
  const isWell = checks.every(({ state }) => state !== 'fail');
  if (wantsJson(io, options)) {
    printJson(io, { ok: isWell, checks });
  } else {
    printTable(io, checks, COLUMNS);
    for (const { name, state, evidence, remedy } of checks)
      if (remedy !== null) note(io, `\n${state}: ${name}: ${evidence}\n  ${remedy}`);
  }
  return isWell ? EXIT.done : EXIT.failed;
}
