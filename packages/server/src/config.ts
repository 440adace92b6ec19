import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
// From files that load nothing else: the command line reads its configuration before anything.
import { databaseSettings } from '@reeve/db/config';
import { extensionSettings } from '@reeve/extensions/config';
import { mcpSettings } from '@reeve/mcp/config';
import { gatewaySettings } from '@reeve/gateway/config';
import { httpSettings } from '@reeve/http/config';
import { loadConfig, setting, type ConfigOf, type ConfigValue } from '@reeve/kit';
import { memorySettings } from '@reeve/memory/config';
import { modelSettings } from '@reeve/models/config';
import { tlsSettings } from '@reeve/rpc/config';
import { sandboxSettings, workspaceSettings } from '@reeve/sandbox/config';
import { skillSettings } from '@reeve/skills/config';
import { taskSettings } from '@reeve/tasks/config';
import { identitySettings } from '@reeve/identity/config';
import { limitSettings } from '@reeve/limits/config';
import { toolSettings, webSettings } from '@reeve/tools/config';
import { z } from 'zod';
import { egressSettings } from './egress-config.ts';

/** Parts of the program that a process can play alone, over PostgreSQL. */
export const ROLES = [
  'gateway',
  'worker',
  'scheduler',
  'models',
  'memory',
  'sandbox',
  'pools',
  'delegation',
  'notifier',
] as const;

const roleList = z
  .string()
  .transform((text) => (text === 'all' ? [...ROLES] : text.split(',').map((role) => role.trim())))
  .pipe(z.array(z.enum(ROLES, { message: `it must be all or some of ${ROLES.join(', ')}` })).min(1));

/** Settings of the process itself. */
export const processSettings = {
  host: setting(
    'REEVE_HOST',
    z
      .string()
      .min(1)
      .default('127.0.0.1')
      .describe('Address to listen on; beyond loopback the server starts only with a credential.'),
  ),
  port: setting(
    'REEVE_PORT',
    z.coerce
      .number('it must be a number')
      .int('it must be a whole number')
      .min(0, 'it must be 0 to 65535')
      .max(65_535, 'it must be 0 to 65535')
      .default(8080)
      .describe('Port to listen on; 0 takes a free one.'),
  ),
  dataDirectory: setting(
    'REEVE_DATA_DIR',
    z
      .string()
      .min(1)
      .default('.reeve')
      .describe('Directory of the embedded database and of workspaces; one process uses it at a time.'),
  ),
  roles: setting(
    'REEVE_ROLES',
    roleList
      .default([...ROLES])
      .describe(
        'Roles of this process, separated by commas, or `all`. Over PostgreSQL: gateway, worker, scheduler, memory; sandbox also alone, without a database. The other names have no effect yet.',
      ),
  ),
  url: setting(
    'REEVE_URL',
    z
      .url('it must be a URL')
      .optional()
      .describe(
        'Server that the command line talks to; unset: the one that runs on the data directory, else the data directory itself.',
      ),
  ),
  logLevel: setting(
    'LOG_LEVEL',
    z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'], {
        message: 'it must be trace, debug, info, warn, error or silent',
      })
      .default('info')
      .describe('Minimum level of the log, which goes to standard error.'),
  ),
  logFormat: setting(
    'LOG_FORMAT',
    z
      .enum(['json', 'pretty'], { message: 'it must be json or pretty' })
      .optional()
      .describe('Format of the log; unset: pretty on a terminal, else JSON.'),
  ),
};

/** All settings, composed from those of the packages. */
export const settings = {
  ...processSettings,
  ...databaseSettings,
  ...identitySettings,
  ...limitSettings,
  ...taskSettings,
  ...modelSettings,
  ...memorySettings,
  ...sandboxSettings,
  ...workspaceSettings,
  ...egressSettings,
  ...tlsSettings,
  ...toolSettings,
  ...webSettings,
  ...skillSettings,
  ...extensionSettings,
  ...mcpSettings,
  ...httpSettings,
  ...gatewaySettings,
};

/** What is configured, and beside it every value as it may be shown, with where it comes from. */
export type Config = ConfigOf<typeof settings> & { readonly shown: readonly ConfigValue[] };

/** Where a configuration is read; each part is the process's own unless given. */
export interface ConfigSource {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Holds `.env` and `reeve.yaml`; a relative data directory begins here. */
  readonly directory?: string;
}

/**
 * The configuration of this process: overrides (the command line’s flags, by variable), then the environment with `.env`, then
 * `reeve.yaml`, both from the working directory, then defaults. Throws `invalid_request` that names every wrong value.
 */
export function readConfig(
  overrides: Readonly<Record<string, string | undefined>> = {},
  source: ConfigSource = {},
): { config: Config; values: ConfigValue[] } {
  const given = Object.fromEntries(
    Object.entries(overrides).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const { config, values } = loadConfig(settings, environmentOf(given, source), readOptional('reeve.yaml', source));
  const { directory = process.cwd() } = source;
  return { config: { ...config, dataDirectory: resolve(directory, config.dataDirectory), shown: values }, values };
}

/** Settings of parts that are not in this release, and what they would do. */
const NOT_BUILT: Readonly<Record<string, string>> = {
  MEMORY_SERVICE_TARGET: 'calling the role memory elsewhere; all roles reach the database themselves',
  MODEL_GATEWAY_TARGET: 'calling the role models elsewhere',
  KAFKA_BOOTSTRAP_SERVERS: 'a bus outside the database',
  POOL_BACKEND: 'pools of warm instances',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'export of traces',
};

/** What is set here for parts that this release does not have, one sentence each. */
export function settingsInVain(source: ConfigSource = {}): string[] {
  const environment = readEnvironment(source);
  return Object.entries(NOT_BUILT)
    .filter(([variable]) => (environment[variable] ?? '') !== '')
    .map(([variable, what]) => `${variable} is set, but this release does not have what it is for (${what})`);
}

/** The variables of the process, and those of `.env`. */
export function readEnvironment(source: ConfigSource = {}): Record<string, string | undefined> {
  return environmentOf({}, source);
}

function environmentOf(
  overrides: Readonly<Record<string, string>>,
  source: ConfigSource,
): Record<string, string | undefined> {
  const { environment = process.env } = source;
  return { ...parseEnv(readOptional('.env', source)), ...environment, ...overrides };
}

/** Absolute path of the folder with the operator's skills. */
export function skillsDirectoryOf({ skillsDirectory, dataDirectory }: Config): string {
  return resolve(skillsDirectory ?? join(dataDirectory, 'skills'));
}

/** Absolute path of the folder with the operator's extensions. */
export function extensionsDirectoryOf({ extensionsDirectory, dataDirectory }: Config): string {
  return resolve(extensionsDirectory ?? join(dataDirectory, 'extensions'));
}

/** Absolute path of the folder with the operator's MCP servers. */
export function mcpDirectoryOf({ mcpDirectory, dataDirectory }: Config): string {
  return resolve(mcpDirectory ?? join(dataDirectory, 'mcp'));
}

/** The values of a configuration that nobody may see. */
export function secretsOf(config: Config): string[] {
  return Object.entries(settings).flatMap(([name, { secret }]) => {
    const value: unknown = secret ? config[name as keyof Config] : undefined;
    return [value].flat().filter((item) => typeof item === 'string');
  });
}

function readOptional(name: string, { directory = process.cwd() }: ConfigSource): string {
  try {
    return readFileSync(join(directory, name), 'utf8');
  } catch {
    return '';
  }
}
