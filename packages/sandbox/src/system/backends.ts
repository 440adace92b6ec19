import { accessSync, constants } from 'node:fs';
import { ReeveError, type ConfigOf, type Log } from '@reeve/kit';
import { createBubblewrapDriver } from '../bubblewrap/driver.ts';
import type { sandboxSettings } from '../config.ts';
import { openDockerDriver } from '../docker/driver.ts';
import { findEngine } from '../docker/engine.ts';
import { probeDriver } from './probe.ts';
import { BWRAP_PATHS, INTERPRETERS } from './profile.ts';
import { SYSTEM_LANGUAGES } from './program.ts';
import type { DriverName, Language, SandboxDriver } from '../sandbox.ts';
import { buildSeccompFilter, isSeccompArch } from './seccomp.ts';

type Settings = ConfigOf<typeof sandboxSettings>;

/** The settings of the sandbox. Where Docker's are left out, it is not used. */
export type SandboxConfig = Pick<Settings, 'sandboxBackend'> & Partial<Settings>;

/** A driver that works here, with the languages that do, and why the others do not. */
export interface ProbedBackend {
  readonly driver: SandboxDriver;
  readonly lacks: Readonly<Partial<Record<Language, string>>>;
  /** A short description. */
  readonly what: string;
  readonly dispose?: () => Promise<void>;
}

/** Finds out whether commands and programs can run in one way: a driver that has been tried, or the reason. */
export type FindBackend = (config: SandboxConfig, log: Log, signal: AbortSignal) => Promise<ProbedBackend | string>;

/** The backends for commands and programs, in order of preference. */
export const BACKENDS: Readonly<Record<Exclude<DriverName, 'quickjs' | 'remote'>, FindBackend>> = {
  async bubblewrap(_, __, signal) {
    const found = findBubblewrap();
    if (typeof found === 'string') return found;
    const tried = await probeDriver(found, INTERPRETERS, signal);
    if (typeof tried === 'string') return tried;
    return {
      what: 'bubblewrap',
      ...limitTo(found, tried, {
        python: `there is no Python at ${INTERPRETERS.python}; install it, for example with "apt install python3"`,
        node: 'the Node that runs Reeve does not start in the sandbox: its libraries must be below /usr',
      }),
    };
  },
  async docker(config, log, signal) {
    const { dockerHost, sandboxDockerImage } = config;
    if (dockerHost === undefined || sandboxDockerImage === undefined) return 'no Docker engine is configured';
    const engine = await findEngine(dockerHost, sandboxDockerImage);
    if (typeof engine === 'string') return engine;
    const driver = openDockerDriver(engine, log);
    const dispose = async () => await driver[Symbol.asyncDispose]();
    const tried = await probeDriver(driver, { python: 'python3', node: 'node' }, signal);
    if (typeof tried === 'string') {
      await dispose();
      return tried;
    }
    const { name } = engine.image;
    return {
      what: `Docker (${name})`,
      dispose,
      ...limitTo(driver, tried, {
        python: `the image ${name} has no python3; name another in SANDBOX_DOCKER_IMAGE`,
        node: `the image ${name} has no Node, or one older than 22.15; name another in SANDBOX_DOCKER_IMAGE`,
      }),
    };
  },
};

function limitTo(
  driver: SandboxDriver,
  works: ReadonlySet<Language>,
  why: Readonly<Partial<Record<Language, string>>>,
): Pick<ProbedBackend, 'driver' | 'lacks'> {
  const isMissing = (language: Language) => !works.has(language);
  const exec: SandboxDriver['exec'] = async (request, signal) => {
    if (request.egress !== undefined && isMissing('node'))
      throw new ReeveError('unavailable', `hosts are opened to programs by way of Node, and ${why.node}`);
    return driver.exec(request, signal);
  };
  return {
    driver: { ...driver, exec, languages: SYSTEM_LANGUAGES.filter((language) => works.has(language)) },
    lacks: Object.fromEntries(SYSTEM_LANGUAGES.filter(isMissing).map((language) => [language, why[language] ?? ''])),
  };
}

/** The driver to try, or why there is nothing to try. */
function findBubblewrap(): SandboxDriver | string {
  if (process.platform !== 'linux') return `bubblewrap needs Linux, and this is ${process.platform}`;
  if (!isSeccompArch(process.arch)) return `there is no seccomp filter for ${process.arch}, only for x64 and arm64`;
  const bwrap = BWRAP_PATHS.find(isExecutable);
  if (bwrap === undefined)
    return `bubblewrap is not installed (looked for ${BWRAP_PATHS.join(', ')}); install it, for example with "apt install bubblewrap"`;
  return createBubblewrapDriver(bwrap, buildSeccompFilter(process.arch));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
