import { posix } from 'node:path';
import { ReeveError } from '@reeve/kit';
import { MOUNT_POINT } from '../files/resolve-path.ts';
import type { ExecRequest, Language } from '../sandbox.ts';

export const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** The languages that need a sandbox with an operating system; QuickJS has none. */
export const SYSTEM_LANGUAGES: readonly Language[] = ['bash', 'python', 'node'];

/** Sizes of the memory that can be written as files. */
export const TMPFS_BYTES = { '/tmp': 64 * MIB, '/dev/shm': 16 * MIB } as const;

/** The paths of interpreters and programs inside a sandbox. */
export interface Interpreters {
  readonly bash: string;
  readonly python: string;
  readonly node: string;
  readonly directory: string;
}

/** A program’s path inside, and its command. */
export interface Program {
  readonly file: string;
  readonly command: readonly string[];
}

/** The command for a program. Bash skips start-up files, which it would read if its standard input is a socket. */
export function programOf(language: Language, memoryBytes: number, { directory, ...paths }: Interpreters): Program {
  const [command, python, node] = ['command', 'program.py', 'program.js'].map((name) => `${directory}/${name}`) as [
    string,
    string,
    string,
  ];
  switch (language) {
    case 'bash':
      return { file: command, command: [paths.bash, '--noprofile', '--norc', command] };
    case 'python':
      return { file: python, command: [paths.python, '-u', '-B', python] };
    case 'node':
      return {
        file: node,
        command: [
          paths.node,
          `--max-old-space-size=${Math.max(16, Math.floor((memoryBytes * 0.75) / MIB))}`,
          ...['--import', nodeImports(node), node],
        ],
      };
    case 'javascript':
      throw new ReeveError('unavailable', 'JavaScript without Node runs in QuickJS alone');
  }
}

/** Limit on a process’s address space: only a backstop, far above its memory. */
export function addressSpaceBytes(language: Language, memoryBytes: number): number {
  return Math.max(2 * memoryBytes, language === 'node' ? 4 * GIB : 2 * GIB);
}

/** The processor time of a process, in whole seconds: only a backstop, since all of them count together. */
export function cpuSeconds(cpuMs: number): number {
  return Math.ceil(cpuMs / 1000) + 1;
}

/** The directory that a program starts in, as it sees it. Whether it is there is found out inside. */
export function directoryOf(cwd = '.'): string {
  const directory = posix.resolve(MOUNT_POINT, cwd);
  if (!cwd.includes('\0') && (directory === MOUNT_POINT || directory.startsWith(`${MOUNT_POINT}/`))) return directory;
  throw new ReeveError('invalid_request', `cwd must be a directory of the workspace, not ${JSON.stringify(cwd)}`);
}

/** Directories of a sandbox's own, which nothing is put over. */
const TAKEN = ['usr', 'bin', 'sbin', 'lib', 'lib64', 'etc', 'proc', 'sys', 'dev', 'tmp', 'run', 'root', 'mnt', 'var'];

/**
 * Where a directory of the host is seen inside: some place of its own, so that nothing of the sandbox lies under it. Throws
 * `invalid_request` for any other; a NUL would end an argument of bubblewrap and begin another.
 */
export function seenAt(at: string): string {
  const [top = ''] = at.slice(1).split('/');
  const isTaken = top === '' || top === MOUNT_POINT.slice(1) || TAKEN.includes(top);
  if (SEEN.test(at) && posix.normalize(at) === at && !isTaken) return at;
  throw new ReeveError('invalid_request', `a directory cannot be seen at ${JSON.stringify(at.slice(0, 200))}`);
}

const SEEN = /^(?:\/[A-Za-z0-9_@.-]{1,100}){1,10}$/;

/** A directory that is not there: the caller's mistake. */
export function noDirectory({ cwd = '.' }: Pick<ExecRequest, 'cwd'>): ReeveError {
  return new ReeveError('invalid_request', `${JSON.stringify(cwd)} is no directory of the workspace`);
}

/** The variables of a program, besides `PATH`. */
export function variablesOf(request: Pick<ExecRequest, 'language' | 'cwd' | 'env'>): Readonly<Record<string, string>> {
  return {
    HOME: MOUNT_POINT,
    LANG: 'C.UTF-8',
    TMPDIR: '/tmp',
    ...(request.language === 'python' && { PYTHONPATH: directoryOf(request.cwd) }),
    ...checked(request.env),
  };
}

const MAX_VARIABLES = 256;
const MAX_VARIABLE_BYTES = 64 * 1024;

/** Variables of the caller. A NUL would end an argument of bubblewrap and begin another, so it is refused. */
function checked(env: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const entries = Object.entries(env);
  const wrong = entries.find(
    ([name, value]) =>
      !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || value.includes('\0') || value.length > MAX_VARIABLE_BYTES,
  );
  if (wrong !== undefined)
    throw new ReeveError(
      'invalid_request',
      `the variable ${JSON.stringify(wrong[0])} must have a name of letters, digits and _, and at most ${MAX_VARIABLE_BYTES} characters without NUL`,
    );
  if (entries.length > MAX_VARIABLES)
    throw new ReeveError('invalid_request', `there must be at most ${MAX_VARIABLES} variables, not ${entries.length}`);
  return env;
}

/**
 * Makes a program's relative imports, and its packages, those of the directory that it starts in: the program itself
 * lies elsewhere, so that nothing of it is left in the workspace.
 */
function nodeImports(file: string): string {
  return `data:text/javascript,${encodeURI(`
import { createRequire, registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
const parentURL = pathToFileURL(process.cwd() + '/program.js').href;
const { resolve } = createRequire(parentURL);
registerHooks({
  resolve(name, context, next) {
    if (context.parentURL !== 'file://${file}') return next(name, context);
    if (context.conditions.includes('require')) return next(resolve(name), context);
    return next(name, { ...context, parentURL });
  },
});`)}`;
}
