import type { Command } from 'commander';
import { readConfig } from '@reeve/server/config';
import { EXIT } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { examples, exitWith } from '../options.ts';
import { printJson, printText, wantsJson, type OutputOptions } from '../output.ts';
import { lookAtSchema } from '@reeve/db';

interface MigrateOptions extends OutputOptions {
  readonly check?: true;
}

const HELP = `
Applies what is pending; every start of a server does the same. The embedded database must be free: a server that has it open
has migrated it at its start.`;

export function define(command: Command, io: CommandIo): void {
  command
    .option('--check', 'change nothing; 0 where the schema is up to date, 1 where migrations are pending')
    .option('--json', 'print one JSON document: {"database": ..., "exists": ..., "pending": [...], "applied": [...]}')
    .addHelpText('after', HELP)
    .addHelpText('after', examples('reeve migrate', 'reeve migrate --check || echo "migrations are pending"'))
    .action(exitWith(io, migrate));
}

async function migrate(io: CommandIo, { check, json }: MigrateOptions): Promise<number> {
  const { config } = readConfig({}, io);
  const { vectors: _, pooler: __, ...seen } = await lookAtSchema(config, check !== true);
  if (wantsJson(io, { ...(json && { json }) })) printJson(io, seen);
  else if (seen.pending.length === 0) printText(io, 'up to date');
  else for (const name of seen.pending) printText(io, `${check ? 'pending' : 'applied'}  ${name}`);
  return check && seen.pending.length > 0 ? EXIT.failed : EXIT.done;
}
