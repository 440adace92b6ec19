import type { Command } from 'commander';
import { EXIT } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { examples, exitWith } from '../options.ts';
import { printJson, printText, type OutputOptions } from '../output.ts';
import { commit, version } from '@reeve/server/version';

export function define(command: Command, io: CommandIo): void {
  command
    .option('--json', 'print one JSON document')
    .addHelpText('after', examples('reeve version --json | jq -r .commit'))
    .action(
      exitWith(io, async (io, { json }: OutputOptions) => {
        if (json) printJson(io, { version, commit, node: process.version });
        else printText(io, `reeve ${version} (${commit}) on Node ${process.version}`);
        return EXIT.done;
      }),
    );
}
