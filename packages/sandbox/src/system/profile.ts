import { bridged, BRIDGE_THREADS, EGRESS_SOCKET, PROXY_VARIABLES } from '../egress/bridge.ts';
import { MOUNT_POINT } from '../files/resolve-path.ts';
import { addressSpaceBytes, cpuSeconds, directoryOf, programOf, TMPFS_BYTES, variablesOf } from './program.ts';
import type { ExecRequest, Limits } from '../sandbox.ts';
import { SANDBOX_UID } from '../files/workspace.ts';

/** Where bwrap may be; nothing else is searched, so that no environment can put another program in its place. */
export const BWRAP_PATHS = ['/usr/bin/bwrap', '/usr/local/bin/bwrap', '/bin/bwrap'];

/** The host’s Python and Bash, at the same paths inside, and the path of Reeve’s own Node inside. */
export const INTERPRETERS = {
  bash: '/usr/bin/bash',
  python: '/usr/bin/python3',
  node: '/usr/local/bin/node',
  directory: '/run',
} as const;

/** Bash without start-up files, for the steps around bwrap on the host. */
export const BASH = [INTERPRETERS.bash, '--noprofile', '--norc'] as const;

/** File descriptors of bwrap: arguments, seccomp filter, program, report, and the program’s answer. */
export const FD = { args: 3, seccomp: 4, program: 5, status: 6, answer: 7 } as const;

/** The host paths of a sandbox, reachable for bwrap. */
export interface HostPaths {
  /** The only directory that can be written. */
  readonly workspace: string;
  /** The Node that runs Reeve. */
  readonly node: string;
  /** The socket of the proxy, if any. */
  readonly egress?: string | undefined;
  /** Read-only directories, by their paths inside. */
  readonly readOnly: ReadonlyMap<string, string>;
}

/**
 * What the sandbox is, as bwrap's arguments: namespaces of its own and no network, a read-only system, a private
 * /tmp, and the workspace as the only place on the host's disk that can be written. They are read from a descriptor
 * so that host paths do not show in the sandbox's own process list.
 */
export function profile({ workspace, node, egress, readOnly }: HostPaths, request: ExecRequest): string[] {
  const readOnlyWhereFound = ['/etc/ld.so.cache', '/etc/alternatives', '/etc/ssl/certs', '/etc/localtime'];
  const variables = {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    ...(egress !== undefined && PROXY_VARIABLES),
    ...variablesOf(request),
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
    ...['--tmpfs', '/usr/local', '--ro-bind', node, INTERPRETERS.node, '--remount-ro', '/usr/local'],
    // Programs inside must not reach bwrap's own process, whose death ends the sandbox with Reeve.
    ...['--proc', '/proc', '--tmpfs', '/proc/1', '--remount-ro', '/proc/1'],
    ...['--dev', '/dev', ...tmpfs('/dev/shm'), '--remount-ro', '/dev', ...tmpfs('/tmp')],
    ...[...readOnly].flatMap(([at, path]) => ['--ro-bind', path, at]),
    ...['--bind', workspace, MOUNT_POINT],
    ...['--perms', '0555', '--dir', '/run', '--file', String(FD.program), program(request).file],
    ...(egress === undefined ? [] : ['--ro-bind', egress, EGRESS_SOCKET]),
    ...['--remount-ro', '/', '--chdir', directoryOf(request.cwd)],
  ];
}

/** The command line of bwrap: limits are set inside, where processes are counted for this sandbox alone. */
export function commandLine(request: ExecRequest, { cpuMs, memoryBytes, ...counts }: Limits): string[] {
  const { command } = program(request, memoryBytes);
  const limits = {
    nproc: counts.processes + (request.egress === undefined ? 0 : BRIDGE_THREADS),
    as: addressSpaceBytes(request.language, memoryBytes),
    fsize: counts.fileBytes,
    nofile: counts.openFiles,
    core: 0,
    cpu: cpuSeconds(cpuMs),
  };
  return [
    ...['--args', String(FD.args), '--seccomp', String(FD.seccomp), '--json-status-fd', String(FD.status), '--'],
    ...['/usr/bin/prlimit', ...Object.entries(limits).map(([name, value]) => `--${name}=${value}`), '--'],
    ...(request.egress === undefined
      ? command
      : bridged(INTERPRETERS.node, request.maxAnswerBytes === undefined ? undefined : FD.answer, command)),
  ];
}

function tmpfs(path: keyof typeof TMPFS_BYTES): string[] {
  return ['--size', String(TMPFS_BYTES[path]), '--tmpfs', path];
}

function program({ language }: ExecRequest, memoryBytes = 0) {
  return programOf(language, memoryBytes, INTERPRETERS);
}
