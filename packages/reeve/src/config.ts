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

const settings = {
  host: setting('REEVE_HOST', z.string().min(1).default('127.0.0.1').describe('Address to listen on.')),
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
    z.string().min(1).default('.reeve').describe('Embedded database and workspaces.'),
  ),
  roles: setting('REEVE_ROLES', roleList.default([...ROLES]).describe('What this process does.')),
  url: setting(
    'REEVE_URL',
    z.url('it must be a URL').optional().describe('The server that the command line talks to.'),
  ),
  logLevel: setting(
    'LOG_LEVEL',
    z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'], {
        message: 'it must be trace, debug, info, warn, error or silent',
      })
      .default('info')
      .describe('Least important log lines shown.'),
  ),
  logFormat: setting(
    'LOG_FORMAT',
    z
      .enum(['json', 'pretty'], { message: 'it must be json or pretty' })
      .optional()
      .describe('Unset: pretty on a terminal, else JSON.'),
  ),
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

/**
 * The configuration of this process: overrides (the command line’s flags, by variable), then the environment with `.env`, then
 * `reeve.yaml`, both from the working directory, then defaults. Throws `invalid_request` that names every wrong value.
 */
export function readConfig(overrides: Readonly<Record<string, string | undefined>> = {}): {
  config: Config;
  values: ConfigValue[];
} {
  const given = Object.fromEntries(
    Object.entries(overrides).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const { config, values } = loadConfig(settings, environmentOf(given), readOptional('reeve.yaml'));
  return { config: { ...config, shown: values }, values };
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
export function settingsInVain(): string[] {
  const environment = environmentOf({});
  return Object.entries(NOT_BUILT)
    .filter(([variable]) => (environment[variable] ?? '') !== '')
    .map(([variable, what]) => `${variable} is set, but this release does not have what it is for (${what})`);
}

function environmentOf(overrides: Readonly<Record<string, string>>): Record<string, string | undefined> {
  return { ...parseEnv(readOptional('.env')), ...process.env, ...overrides };
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

function readOptional(name: string): string {
  try {
    return readFileSync(join(process.cwd(), name), 'utf8');
  } catch {
    return '';
  }
}
