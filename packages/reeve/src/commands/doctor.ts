import { resolve } from 'node:path';
import type { ErrorDetail } from '@reeve/contract';
import { readHolder, type Holder } from '@reeve/db/lock';
import type { Command } from 'commander';
import { fail, ok, warn, type Check } from '../checks/check.ts';
import { checkFolders } from '../checks/folders.ts';
import { checkDataDirectory, checkDisk, checkNode, checkToolchain } from '../checks/machine.ts';
import {
  checkDatabase,
  checkEmbedding,
  checkExternalMemory,
  checkModel,
  checkSandbox,
  checkServer,
} from '../checks/parts.ts';
import { checkPort } from '../checks/port.ts';
import { checkConfig } from '../config-problems.ts';
import { settingsInVain } from '../config.ts';
import { EXIT } from '../failure.ts';
import { examples, exitWith } from '../options.ts';
import { note, printJson, printTable, wantsJson, type Column, type OutputOptions } from '../output.ts';

const COLUMNS: readonly Column<Check>[] = [
  ['CHECK', ({ name }) => name],
  ['STATE', ({ state }) => state],
  ['EVIDENCE', ({ evidence }) => evidence],
];

export function define(command: Command): void {
  command
    .option('--json', 'print one JSON document: {"ok": ..., "checks": [{"name", "state", "evidence", "remedy"}]}')
    .addHelpText(
      'after',
      '\nChanges nothing and calls no model. The exit code is 1 if any check fails; warnings do not count.',
    )
    .addHelpText('after', examples('reeve doctor', 'reeve doctor --json | jq \'.checks[] | select(.state != "ok")\''))
    .action(exitWith(doctor));
}

async function doctor(options: OutputOptions): Promise<number> {
  const checks = await runChecks();
  const isWell = checks.every(({ state }) => state !== 'fail');
  if (wantsJson(options)) {
    printJson({ ok: isWell, checks });
  } else {
    printTable(checks, COLUMNS);
    for (const { name, state, evidence, remedy } of checks)
      if (remedy !== null) note(`\n${state}: ${name}: ${evidence}\n  ${remedy}`);
  }
  return isWell ? EXIT.done : EXIT.failed;
}

async function runChecks(): Promise<Check[]> {
  const here = [checkNode(), checkToolchain()];
  const { config, problems } = checkConfig();
  const configuration = configurationCheck(problems);
  if (config === undefined) return [...here, configuration];
  const directory = resolve(config.dataDirectory);
  const holder = readHolder(directory);
  const server = await checkServer(config, holder);
  const externalMemory = await checkExternalMemory(config);
  return [
    ...here,
    configuration,
    checkDataDirectory(directory),
    checkLock(holder),
    checkDisk(directory),
    await checkDatabase(config, holder),
    ...(await checkSandbox(config)),
    ...(await checkFolders(config)),
    checkModel(config),
    checkEmbedding(config),
    ...(externalMemory === undefined ? [] : [externalMemory]),
    await checkPort(config.host, config.port, holder),
    ...(server === undefined ? [] : [server]),
  ];
}

function configurationCheck(problems: readonly ErrorDetail[]): Check {
  const inVain = settingsInVain();
  if (problems.length > 0)
    return fail(
      'configuration',
      problems.map(({ message }) => message).join('; '),
      'correct it; "reeve config show" says where each value comes from',
    );
  return inVain.length > 0
    ? warn('configuration', inVain.join('; '), 'leave it out: nothing reads it')
    : ok('configuration', 'every value is good');
}

function checkLock(holder: Holder | undefined): Check {
  if (holder === undefined) return ok('lock', 'nobody has the data directory');
  return ok(
    'lock',
    `process ${holder.pid} (reeve ${holder.command}${holder.url === null ? '' : `, ${holder.url}`}) has the data directory`,
  );
}
