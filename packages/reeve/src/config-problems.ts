import type { ErrorDetail } from '@reeve/contract';
import { ReeveError, silentLog } from '@reeve/kit';
import { openEmbedder, openModels } from '@reeve/models';
import { readTls } from '@reeve/rpc/tls';
import { requireSafeBinding } from '@reeve/identity';
import { readTenantsFile } from '@reeve/limits';
import { readConfig, ROLES, type Config } from './config.ts';
import { readEgressFile } from './egress.ts';
import { isSandboxAlone, sandboxProblems } from './sandbox-place.ts';

/** The configuration, or everything that is wrong with it: single values first, then what does not go together. */
export function checkConfig(): { config: Config | undefined; problems: ErrorDetail[] } {
  let config: Config;
  try {
    ({ config } = readConfig());
  } catch (error) {
    return { config: undefined, problems: problemsOf(error) };
  }
  return {
    config,
    problems: [
      ...modelProblems(config),
      ...tenantProblems(config),
      ...caught(() => readEgressFile(config)),
      ...bindingProblems(config),
      ...roleProblems(config),
      ...caught(() => readTls(config)),
      ...sandboxProblems(config),
    ],
  };
}

/** What the chosen model provider lacks. Calls nobody. */
export function modelProblems(config: Config): ErrorDetail[] {
  return [...caught(() => openModels(config, silentLog)), ...caught(() => openEmbedder(config, silentLog))];
}

function tenantProblems({ tenantsFile }: Config): ErrorDetail[] {
  return caught(() => readTenantsFile(tenantsFile));
}

function bindingProblems(config: Config): ErrorDetail[] {
  if (isSandboxAlone(config)) return [];
  return caught(() => requireSafeBinding(config, config.host)).map(({ message }) => ({ path: 'REEVE_HOST', message }));
}

function roleProblems(config: Config): ErrorDetail[] {
  const { roles, databaseUrl } = config;
  if (databaseUrl !== undefined || roles.length === ROLES.length || isSandboxAlone(config)) return [];
  return [
    {
      path: 'REEVE_ROLES',
      message: 'roles can be split only over PostgreSQL: set DATABASE_URL, or leave REEVE_ROLES at all',
    },
  ];
}

function caught(work: () => unknown): ErrorDetail[] {
  try {
    work();
    return [];
  } catch (error) {
    return problemsOf(error);
  }
}

function problemsOf(error: unknown): ErrorDetail[] {
  const { message, details } = ReeveError.from(error);
  return details.length > 0 ? [...details] : [{ path: '', message }];
}
