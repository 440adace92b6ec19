import type { Check } from '@reeve/server/checks';
import { EXIT } from './failure.ts';
import type { CommandIo } from './io.ts';
import { note, printJson, printTable, wantsJson, type Column, type OutputOptions } from './output.ts';

const COLUMNS: readonly Column<Check>[] = [
  ['CHECK', ({ name }) => name],
  ['STATE', ({ state }) => state],
  ['EVIDENCE', ({ evidence }) => evidence],
];

/** The option of commands that print checks. */
export const CHECKS_JSON_OPTION = [
  '--json',
  'print one JSON document: {"ok": ..., "checks": [{"name", "state", "evidence", "remedy"}]}',
] as const;

/** Prints checks, then what to do about each that is not well. Answers the exit code: 1 if any fails; warnings do not count. */
export function printChecks(io: CommandIo, checks: readonly Check[], options: OutputOptions): number {
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
