import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReeveError, type Log } from '@reeve/kit';
import { BACKENDS, type SandboxConfig, type ProbedBackend } from './system/backends.ts';
import { SYSTEM_LANGUAGES } from './system/program.ts';
import { createQuickJsDriver } from './quickjs/driver.ts';
import { removeTree } from './files/remove-tree.ts';
import type { DriverName, ExecResult, Language, SandboxDriver, SandboxRequest } from './sandbox.ts';

/** One driver and whether it works here. */
export interface DriverInfo {
  readonly name: DriverName;
  /** The languages that it runs; if unavailable, those that it would run. */
  readonly languages: readonly Language[];
  readonly available: boolean;
  /** Why it is unavailable, and what would help. */
  readonly reason?: string;
  /** True if it was not probed, since another driver is used or it is switched off. */
  readonly untried?: boolean;
  /** Languages that an available driver lacks here, each with the reason. */
  readonly lacks?: Readonly<Partial<Record<Language, string>>>;
}

/** The sandbox of this process. Disposing kills running programs and waits until they are dead. */
export interface Sandbox extends AsyncDisposable {
  /** The working drivers; the driver for commands joins after its probe. */
  readonly drivers: ReadonlyMap<DriverName, SandboxDriver>;
  /**
   * Runs a program with the driver for its language, after that driver's probe. Throws ReeveError `unavailable`, with
   * the reason, where there is none: a command never runs outside a sandbox. Throws `shutting_down` once disposed.
   */
  exec(request: SandboxRequest, signal: AbortSignal): Promise<ExecResult>;
  /** Why a language cannot run; undefined if it can or is still being probed. */
  unavailable(language: Language): string | undefined;
  /** For `/health`. */
  status(): { readonly status: 'ok' | 'degraded'; readonly message: string };
  describe(): readonly DriverInfo[];
  /** Resolves when all drivers are probed. */
  whenProbed(): Promise<void>;
}

/**
 * Opens the sandbox at once and probes in the background for a driver of commands and programs: bubblewrap, else Docker,
 * or the configured one. Each probe runs a real command, which also tries Python and Node. `describe()` reports why a
 * driver does not work; requests that no driver can run are refused. `remote` counts as `auto`, since this process is the
 * one that others call.
 */
export async function openSandbox(config: SandboxConfig, log: Log): Promise<Sandbox> {
  const sandboxBackend = config.sandboxBackend === 'remote' ? 'auto' : config.sandboxBackend;
  const closed = new AbortController();
  const running = new Set<Promise<unknown>>();
  const quickjs = createQuickJsDriver();
  const drivers = new Map<DriverName, SandboxDriver>([[quickjs.name, quickjs]]);
  const wanted = BACKEND_NAMES.filter((name) => sandboxBackend === name || sandboxBackend === 'auto');
  const reasons = new Map<DriverName, string>();
  let working: ProbedBackend | undefined;
  let isProbed = false;

  const track = <T>(work: Promise<T>): Promise<T> => {
    running.add(work);
    const done = () => running.delete(work);
    work.then(done, done);
    return work;
  };
  const probe = async (): Promise<void> => {
    for (const name of wanted) {
      const found = await BACKENDS[name](config, log, closed.signal);
      if (typeof found !== 'string') {
        working = found;
        drivers.set(name, found.driver);
        break;
      }
      reasons.set(name, found);
    }
    isProbed = true;
    if (working === undefined && wanted.length > 0)
      log[sandboxBackend === 'auto' ? 'warn' : 'error']({ reason: reasonForNone() }, REFUSED);
  };
  const reasonForNone = (): string =>
    wanted.length === 0
      ? 'SANDBOX_BACKEND is quickjs; set it to auto to allow commands and programs'
      : [...reasons].map(([name, reason]) => (wanted.length > 1 ? `${name}: ${reason}` : reason)).join('; ');
  const probed = track(probe());
  void track(removeLeftBehind());

  const unavailable = (language: Language): string | undefined => {
    if (language === 'javascript' || !isProbed) return undefined;
    return working === undefined ? reasonForNone() : working.lacks[language];
  };
  const describe = (name: (typeof BACKEND_NAMES)[number]): DriverInfo => {
    const driver = drivers.get(name);
    if (driver !== undefined) {
      const lacks = working?.lacks ?? {};
      return { name, languages: driver.languages, available: true, ...(Object.keys(lacks).length > 0 && { lacks }) };
    }
    const reason = reasons.get(name) ?? (isProbed ? untriedReason(name) : undefined);
    return {
      name,
      languages: SYSTEM_LANGUAGES,
      available: false,
      ...(reason !== undefined && { reason }),
      ...(reason !== undefined && !reasons.has(name) && { untried: true }),
    };
  };
  const untriedReason = (name: DriverName): string =>
    sandboxBackend === 'auto'
      ? `not tried, since ${working?.what} works; SANDBOX_BACKEND=${name} takes it instead`
      : `SANDBOX_BACKEND is ${sandboxBackend}; set it to auto or ${name} to allow it`;
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
        return await track(execIn(driver, request, AbortSignal.any([signal, closed.signal])));
      } catch (error) {
        throw closed.signal.aborted && !signal.aborted ? closing(error) : error;
      }
    },
    status() {
      if (sandboxBackend === 'quickjs')
        return { status: 'ok', message: 'JavaScript in QuickJS; shell, Python and Node are switched off' };
      if (!isProbed) return { status: 'ok', message: 'JavaScript in QuickJS; finding out what runs commands' };
      if (working === undefined)
        return { status: 'degraded', message: `JavaScript in QuickJS; ${REFUSED}: ${reasonForNone()}` };
      const without = Object.values(working.lacks).map((why) => `; ${why}`);
      return {
        status: 'ok',
        message: `JavaScript in QuickJS, commands and programs in ${working.what}${without.join('')}`,
      };
    },
    describe: () => [
      { name: 'quickjs', languages: quickjs.languages, available: true },
      ...BACKEND_NAMES.map(describe),
    ],
    async [Symbol.asyncDispose]() {
      closed.abort();
      await Promise.allSettled(running);
      await working?.dispose?.();
    },
  };
}

/** Runs a program in its workspace, or in a temporary one. */
async function execIn(driver: SandboxDriver, request: SandboxRequest, signal: AbortSignal): Promise<ExecResult> {
  if (request.workspace !== undefined) return driver.exec({ ...request, workspace: request.workspace }, signal);
  const workspace = await mkdtemp(join(tmpdir(), `${OWN}${process.pid}-`));
  try {
    return await driver.exec({ ...request, workspace }, signal);
  } finally {
    await removeTree(workspace);
  }
}

/** Removes the workspaces of programs whose process is gone. */
async function removeLeftBehind(): Promise<void> {
  for (const name of await readdir(tmpdir()).catch(() => [])) {
    const [, pid] = LEFT_BEHIND.exec(name) ?? [];
    // One of another user cannot be removed, and need not be.
    if (pid !== undefined && !isAlive(Number(pid))) await removeTree(join(tmpdir(), name)).catch(() => undefined);
  }
}

const OWN = 'reeve-program-';
const LEFT_BEHIND = new RegExp(`^${OWN}(\\d+)-`);

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const BACKEND_NAMES = Object.keys(BACKENDS) as (keyof typeof BACKENDS)[];
const REFUSED = 'shell commands, Python and Node are refused';

function closing(cause?: unknown): ReeveError {
  return new ReeveError('shutting_down', 'the sandbox is closing', cause === undefined ? {} : { cause });
}
