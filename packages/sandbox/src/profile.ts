import { posix } from 'node:path';
import { ReeveError } from '@reeve/kit';
import { MOUNT_POINT } from './place.ts';
import type { ExecRequest, Language, Limits } from './sandbox.ts';
import { SANDBOX_UID } from './workspace.ts';

/** Where bwrap may be; nothing else is searched, so that no environment can put another program in its place. */
export const BWRAP_PATHS = ['/usr/bin/bwrap', '/usr/local/bin/bwrap', '/bin/bwrap'];

/** The host's Python, seen by programs in the same place. */
export const PYTHON = '/usr/bin/python3';

/** Where programs find the Node that runs Reeve. */
export const NODE = '/usr/local/bin/node';

/** File descriptors that bwrap gets: its arguments, the seccomp filter, the program, where it reports, and where the program answers. */
export const FD = { args: 3, seccomp: 4, program: 5, status: 6, answer: 7 } as const;

/** Bash without start-up files: it would read ~/.bashrc by itself where its standard input is a socket. */
export const BASH = ['/usr/bin/bash', '--noprofile', '--norc'] as const;

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** Sizes of the memory that can be written as files; they come on top of the memory of processes. */
export const TMPFS_BYTES = { '/tmp': 64 * MIB, '/dev/shm': 16 * MIB } as const;

/** What of the host a sandbox is made of, as paths that bwrap can reach. */
export interface HostPaths {
  /** The only directory that can be written. */
  readonly workspace: string;
  /** The Node that runs Reeve. */
  readonly node: string;
  /** The socket of its way out, where it has one. */
  readonly egress?: string | undefined;
  /** Directories that can be read, by where they are seen. */
  readonly readOnly: ReadonlyMap<string, string>;
}

/**
 * What the sandbox is, as bwrap's arguments: namespaces of its own and no network, a read-only system, a private
 * /tmp, and the workspace as the only place on the host's disk that can be written. They are read from a descriptor
 * so that host paths do not show in the sandbox's own process list.
 */
export function profile({ workspace, node, egress, readOnly }: HostPaths, request: ExecRequest): string[] {
  const readOnlyWhereFound = ['/etc/ld.so.cache', '/etc/alternatives', '/etc/ssl/certs', '/etc/localtime'];
  const cwd = directoryOf(request.cwd);
  const variables = {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: MOUNT_POINT,
    LANG: 'C.UTF-8',
    TMPDIR: '/tmp',
    ...(request.language === 'python' && { PYTHONPATH: cwd }),
    ...(egress !== undefined && PROXY_VARIABLES),
    ...variablesOf(request.env),
  };
  return [
    ...['--unshare-user', '--unshare-all', '--disable-userns', '--die-with-parent', '--new-session'],
    ...['--cap-drop', 'ALL', '--uid', String(SANDBOX_UID), '--gid', String(SANDBOX_UID), '--hostname', 'sandbox'],
    '--clearenv',
    ...Object.entries(variables).flatMap(([name, value]) => ['--setenv', name, value]),
    ...['--ro-bind', '/usr', '/usr'],
    ...['bin', 'sbin', 'lib', 'lib64'].flatMap((name) => ['--symlink', `usr/${name}`, `/${name}`]),
    ...readOnlyWhereFound.flatMap((path) => ['--ro-bind-try', path, path]),
    // /usr/local is the host's own and may hold anything.
    ...['--tmpfs', '/usr/local', '--ro-bind', node, NODE, '--remount-ro', '/usr/local'],
    // Nobody inside has to do with bwrap's own process, which they could otherwise write to: it is what dies with Reeve.
    ...['--proc', '/proc', '--tmpfs', '/proc/1', '--remount-ro', '/proc/1'],
    ...['--dev', '/dev', ...tmpfs('/dev/shm'), '--remount-ro', '/dev', ...tmpfs('/tmp')],
    ...[...readOnly].flatMap(([at, path]) => ['--ro-bind', path, at]),
    ...['--bind', workspace, MOUNT_POINT],
    ...['--perms', '0555', '--dir', '/run', '--file', String(FD.program), programOf(request.language).file],
    ...(egress === undefined ? [] : ['--ro-bind', egress, EGRESS_SOCKET]),
    ...['--remount-ro', '/', '--chdir', cwd],
  ];
}

/**
 * The command line of bwrap: limits are set inside, where the number of processes is counted for this sandbox alone.
 * What a process may take of its address space is only a backstop, since it is far from what it uses.
 */
export function commandLine({ language, egress }: ExecRequest, { cpuMs, memoryBytes, ...counts }: Limits): string[] {
  const limits = {
    nproc: counts.processes + (egress === undefined ? 0 : BRIDGE_THREADS),
    as: Math.max(2 * memoryBytes, language === 'node' ? 4 * GIB : 2 * GIB),
    fsize: counts.fileBytes,
    nofile: counts.openFiles,
    core: 0,
    cpu: Math.ceil(cpuMs / 1000) + 1,
  };
  return [
    ...['--args', String(FD.args), '--seccomp', String(FD.seccomp), '--json-status-fd', String(FD.status), '--'],
    ...['/usr/bin/prlimit', ...Object.entries(limits).map(([name, value]) => `--${name}=${value}`), '--'],
    ...(egress === undefined ? [] : [NODE, '--max-old-space-size=64', '--eval', BRIDGE, '--']),
    ...programOf(language).command(memoryBytes),
  ];
}

/** Where the way out is, and what a program's clients are told of it. Most know proxies by address only: hence the bridge. */
const EGRESS_SOCKET = '/run/egress.sock';
const BRIDGE_PORT = 3128;
const PROXY = `http://127.0.0.1:${BRIDGE_PORT}`;
const PROXY_VARIABLES = {
  ...Object.fromEntries(
    ['http_proxy', 'https_proxy', 'all_proxy'].flatMap((name) => [
      [name, PROXY],
      [name.toUpperCase(), PROXY],
    ]),
  ),
  no_proxy: 'localhost,127.0.0.1,::1',
  NO_PROXY: 'localhost,127.0.0.1,::1',
  NODE_USE_ENV_PROXY: '1',
};
const BRIDGE_THREADS = 16;

/** Runs in the sandbox: leads from its loopback to the socket, and the program as its child, whose end is its own. */
const BRIDGE = `
const { existsSync } = require('node:fs');
const { connect, createServer } = require('node:net');
const { spawn } = require('node:child_process');
const { signals } = require('node:os').constants;
const [file, ...args] = process.argv.slice(1);
const answers = existsSync('/proc/self/fd/${FD.answer}');
const stdio = answers ? [0, 1, 2, 'ignore', 'ignore', 'ignore', 'ignore', ${FD.answer}] : 'inherit';
createServer({ allowHalfOpen: true }, (inside) => {
  const outside = connect({ path: '${EGRESS_SOCKET}', allowHalfOpen: true });
  inside.on('error', () => outside.destroy()).pipe(outside);
  outside.on('error', () => inside.destroy()).pipe(inside);
}).listen(${BRIDGE_PORT}, '127.0.0.1', () => {
  spawn(file, args, { stdio })
    .on('error', (error) => { console.error(error.message); process.exit(127); })
    .on('exit', (code, signal) => process.exit(code ?? 128 + signals[signal]));
});`;

function tmpfs(path: keyof typeof TMPFS_BYTES): string[] {
  return ['--size', String(TMPFS_BYTES[path]), '--tmpfs', path];
}

/** The directory as the program sees it. bwrap finds out by itself whether it is there. */
function directoryOf(cwd = '.'): string {
  const directory = posix.resolve(MOUNT_POINT, cwd);
  if (!cwd.includes('\0') && (directory === MOUNT_POINT || directory.startsWith(`${MOUNT_POINT}/`))) return directory;
  throw new ReeveError('invalid_request', `cwd must be a directory of the workspace, not ${JSON.stringify(cwd)}`);
}

const MAX_VARIABLES = 256;
const MAX_VARIABLE_BYTES = 64 * 1024;

/** Variables of the caller. A NUL would end bwrap's argument and begin another, so it is refused. */
function variablesOf(env: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
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

interface Program {
  /** Where the program is inside. */
  readonly file: string;
  command(memoryBytes: number): readonly string[];
}

/**
 * Makes a program's relative imports, and its packages, those of the directory that it starts in: the program itself
 * lies elsewhere, so that nothing of it is left in the workspace.
 */
const NODE_IMPORTS = `data:text/javascript,${encodeURI(`
import { createRequire, registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
const parentURL = pathToFileURL(process.cwd() + '/program.js').href;
const { resolve } = createRequire(parentURL);
registerHooks({
  resolve(name, context, next) {
    if (context.parentURL !== 'file:///run/program.js') return next(name, context);
    if (context.conditions.includes('require')) return next(resolve(name), context);
    return next(name, { ...context, parentURL });
  },
});`)}`;

const PROGRAMS: Partial<Record<Language, Program>> = {
  bash: { file: '/run/command', command: () => [...BASH, '/run/command'] },
  python: { file: '/run/program.py', command: () => [PYTHON, '-u', '-B', '/run/program.py'] },
  node: {
    file: '/run/program.js',
    command: (memoryBytes) => [
      NODE,
      `--max-old-space-size=${Math.max(16, Math.floor((memoryBytes * 0.75) / MIB))}`,
      ...['--import', NODE_IMPORTS, '/run/program.js'],
    ],
  },
};

function programOf(language: Language): Program {
  const program = PROGRAMS[language];
  if (program === undefined) throw new ReeveError('unavailable', `bubblewrap does not run ${language}`);
  return program;
}
