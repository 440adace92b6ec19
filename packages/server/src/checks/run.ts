import { resolve } from 'node:path';
import type { ErrorDetail } from '@reeve/contract';
import { readHolder, type Holder } from '@reeve/db/lock';
import { checkConfig } from '../config-problems.ts';
import { readConfig, settingsInVain, type ConfigSource } from '../config.ts';
import { fail, ok, warn, type Check } from './check.ts';
import { checkFolders } from './folders.ts';
import { checkDataDirectory, checkDisk, checkNode, checkToolchain } from './machine.ts';
import {
  checkDatabase,
  checkEmbedding,
  checkExternalMemory,
  checkModelSettings,
  checkSandbox,
  checkServer,
} from './parts.ts';
import { checkModelCalls } from './model-calls.ts';
import { checkPort } from './port.ts';

export type { Check } from './check.ts';

/**
 * Tries the model that the configuration names, or another by name, with real calls (`reeve models test`). Throws `invalid_request`
 * for a configuration that no call can be made with.
 */
export async function runModelChecks(
  source: ConfigSource,
  model: string | null,
  signal: AbortSignal,
): Promise<Check[]> {
  return checkModelCalls(readConfig({}, source).config, model, signal);
}

/** Every check that `reeve doctor` shows, in its order. Changes nothing and calls no model. */
export async function runChecks(source: ConfigSource = {}): Promise<Check[]> {
  const here = [checkNode(), checkToolchain()];
  const { config, problems } = checkConfig(source);
  const configuration = configurationCheck(problems, settingsInVain(source));
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
    checkModelSettings(config),
    checkEmbedding(config),
    ...(externalMemory === undefined ? [] : [externalMemory]),
    await checkPort(config.host, config.port, holder),
    ...(server === undefined ? [] : [server]),
  ];
}

function configurationCheck(problems: readonly ErrorDetail[], inVain: readonly string[]): Check {
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
