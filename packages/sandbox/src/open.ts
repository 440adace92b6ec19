import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReeveError, type ConfigOf, type Log } from '@reeve/kit';
import { BUBBLEWRAP_LANGUAGES, createBubblewrapDriver } from './bubblewrap.ts';
import type { sandboxSettings } from './config.ts';
import { BWRAP_PATHS, NODE, PYTHON } from './profile.ts';
import { createQuickJsDriver } from './quickjs.ts';
import type { DriverName, ExecRequest, ExecResult, Language, SandboxDriver } from './sandbox.ts';
import { buildSeccompFilter, isSeccompArch } from './seccomp.ts';

/** One driver and whether it works here. */
export interface DriverInfo {
  readonly name: DriverName;
  /** What it runs here; where it is not available, what it would run. */
  readonly languages: readonly Language[];
  readonly available: boolean;
  /** Why it is not available, and what would help. */
  readonly reason?: string;
  /** Languages that an available driver lacks here, each with the reason. */
  readonly lacks?: Readonly<Partial<Record<Language, string>>>;
}

/** The sandbox of this process. Disposing kills what runs in it and waits until it is dead. */
export interface Sandbox extends AsyncDisposable {
  /** The drivers that work; bubblewrap joins them once its probe has passed. */
  readonly drivers: ReadonlyMap<DriverName, SandboxDriver>;
  /**
   * Runs a program with the driver for its language, after that driver's probe. Throws ReeveError `unavailable`, with
   * the reason, where there is none: a command never runs outside a sandbox. Throws `shutting_down` once disposed.
   */
  exec(request: ExecRequest, signal: AbortSignal): Promise<ExecResult>;
  /** Why a language cannot run, or undefined where it can or is still being probed. */
  unavailable(language: Language): string | undefined;
  /** For `/health`. */
  status(): { readonly status: 'ok' | 'degraded'; readonly message: string };
  describe(): readonly DriverInfo[];
  /** Resolves when it is known what works. */
  whenProbed(): Promise<void>;
}

const PROBE_MS = 10_000;

/**
 * Opens the sandbox at once and probes bubblewrap in the background: a real command in the full profile, which also
 * tries Python and Node. Where it is missing or does not work, its reason is in `describe()` and what it would run is
 * refused. `remote` is not for this process then, which is the one that others call: it counts as `auto`.
 */
export async function openSandbox(
  config: Pick<ConfigOf<typeof sandboxSettings>, 'sandboxBackend'>,
  log: Log,
): Promise<Sandbox> {
  const closed = new AbortController();
  const running = new Set<Promise<unknown>>();
  const quickjs = createQuickJsDriver();
  const drivers = new Map<DriverName, SandboxDriver>([[quickjs.name, quickjs]]);
  const candidate = findBubblewrap(config.sandboxBackend);
  let reason = typeof candidate === 'string' ? candidate : undefined;
  let lacks: Partial<Record<Language, string>> = {};

  const track = <T>(work: Promise<T>): Promise<T> => {
    running.add(work);
    const done = () => running.delete(work);
    work.then(done, done);
    return work;
  };
  const probe = async (driver: SandboxDriver): Promise<void> => {
    const found = await tryOut(driver, closed.signal);
    if (typeof found === 'string') {
      reason = found;
      log[config.sandboxBackend === 'bubblewrap' ? 'error' : 'warn'](
        { reason },
        `bubblewrap does not work here: ${REFUSED}`,
      );
      return;
    }
    lacks = Object.fromEntries(
      driver.languages
        .filter((language) => !found.has(language))
        .map((language) => [language, MISSING[language] ?? '']),
    );
    drivers.set(driver.name, { ...driver, languages: driver.languages.filter((language) => found.has(language)) });
  };
  const probed = typeof candidate === 'string' ? Promise.resolve() : track(probe(candidate));
  if (reason !== undefined && config.sandboxBackend === 'bubblewrap') log.error({ reason }, REFUSED);

  const unavailable = (language: Language): string | undefined =>
    language === 'javascript' ? undefined : (reason ?? lacks[language]);
  return {
    drivers,
    unavailable,
    whenProbed: () => probed,
    async exec(request, signal) {
      if (request.language !== 'javascript') await probed;
      if (closed.signal.aborted) throw closing();
      const driver = [...drivers.values()].find(({ languages }) => languages.includes(request.language));
      if (driver === undefined)
        throw new ReeveError('unavailable', unavailable(request.language) ?? `nothing here runs ${request.language}`);
      try {
        return await track(driver.exec(request, AbortSignal.any([signal, closed.signal])));
      } catch (error) {
        throw closed.signal.aborted && !signal.aborted ? closing(error) : error;
      }
    },
    status() {
      if (config.sandboxBackend === 'quickjs')
        return { status: 'ok', message: 'JavaScript in QuickJS; shell, Python and Node are switched off' };
      if (reason !== undefined) return { status: 'degraded', message: `JavaScript in QuickJS; ${REFUSED}: ${reason}` };
      const without = Object.values(lacks).map((why) => `; ${why}`);
      return { status: 'ok', message: `JavaScript in QuickJS, commands and programs in bubblewrap${without.join('')}` };
    },
    describe: () => [
      { name: 'quickjs', languages: quickjs.languages, available: true },
      {
        name: 'bubblewrap',
        languages: drivers.get('bubblewrap')?.languages ?? BUBBLEWRAP_LANGUAGES,
        available: drivers.has('bubblewrap'),
        ...(reason !== undefined && { reason }),
        ...(Object.keys(lacks).length > 0 && { lacks }),
      },
    ],
    async [Symbol.asyncDispose]() {
      closed.abort();
      await Promise.allSettled(running);
    },
  };
}

const REFUSED = 'shell commands, Python and Node are refused';

/** Why a language is missing where bubblewrap itself works. */
const MISSING: Partial<Record<Language, string>> = {
  python: `there is no Python at ${PYTHON}; install it, for example with "apt install python3"`,
  node: 'the Node that runs Reeve does not start in the sandbox: its libraries must be below /usr',
};

function closing(cause?: unknown): ReeveError {
  return new ReeveError('shutting_down', 'the sandbox is closing', cause === undefined ? {} : { cause });
}

/** The driver to try, or why there is nothing to try. */
function findBubblewrap(backend: ConfigOf<typeof sandboxSettings>['sandboxBackend']): SandboxDriver | string {
  if (backend === 'quickjs') return 'SANDBOX_BACKEND is quickjs; set it to auto to allow commands and programs';
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

/** Says which languages work: bash by running at all. */
const PROBE = `echo bash; ${PYTHON} -ISc '' && echo python; ${NODE} --version >/dev/null && echo node; true`;

/** Runs the probe in the full profile: what works, or the reason where nothing does. */
async function tryOut(driver: SandboxDriver, signal: AbortSignal): Promise<ReadonlySet<string> | string> {
  const workspace = await mkdtemp(join(tmpdir(), 'reeve-probe-'));
  try {
    const result = await driver.exec(
      { language: 'bash', code: PROBE, workspace, timeoutMs: PROBE_MS, maxOutputBytes: 10_000 },
      signal,
    );
    if (result.status === 'success') return new Set(result.stdout.split('\n'));
    return `${result.message}: ${result.stderr.trim()}`;
  } catch (error) {
    const { message } = ReeveError.from(error);
    return message + hintFor(message);
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
}

/** What to do about the failures that are known. */
function hintFor(message: string): string {
  if (/No permissions to create|creating new namespace failed|uid map|unshare failed/i.test(message)) {
    return '. User namespaces are forbidden here: on Ubuntu allow bwrap in AppArmor (kernel.apparmor_restrict_unprivileged_userns); in Docker add --security-opt seccomp=unconfined --security-opt systempaths=unconfined';
  }
  if (/mount proc/i.test(message)) return '. In Docker add --security-opt systempaths=unconfined';
  if (/Unknown option|not supported in setuid mode/i.test(message))
    return '. This bubblewrap is older than 0.8 or setuid root: install a current one';
  return '';
}
