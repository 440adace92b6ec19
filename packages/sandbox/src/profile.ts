import { MOUNT_POINT } from './place.ts';
import { SANDBOX_UID } from './workspace.ts';

/** Where bwrap may be; nothing else is searched, so that no environment can put another program in its place. */
export const BWRAP_PATHS = ['/usr/bin/bwrap', '/usr/local/bin/bwrap', '/bin/bwrap'];

/** File descriptors that bwrap gets: its arguments, the seccomp filter, the script, and where it reports. */
export const FD = { args: 3, seccomp: 4, script: 5, status: 6 } as const;

/** Bash without start-up files: it would read ~/.bashrc by itself where its standard input is a socket. */
export const BASH = ['/usr/bin/bash', '--noprofile', '--norc'] as const;

const SCRIPT = '/run/command';
const MIB = 1024 * 1024;

/**
 * What the sandbox is, as bwrap's arguments: namespaces of its own and no network, a read-only system, a private
 * /tmp, and the workspace as the only place on the host's disk that can be written. They are read from a descriptor
 * so that host paths do not show in the sandbox's own process list.
 */
export function profile(workspace: string): string[] {
  const readOnlyWhereFound = ['/etc/ld.so.cache', '/etc/alternatives', '/etc/ssl/certs', '/etc/localtime'];
  return [
    ...['--unshare-user', '--unshare-all', '--disable-userns', '--die-with-parent', '--new-session'],
    ...['--cap-drop', 'ALL', '--uid', String(SANDBOX_UID), '--gid', String(SANDBOX_UID), '--hostname', 'sandbox'],
    ...['--clearenv', '--setenv', 'PATH', '/usr/local/bin:/usr/bin:/bin', '--setenv', 'HOME', MOUNT_POINT],
    ...['--setenv', 'LANG', 'C.UTF-8', '--setenv', 'TMPDIR', '/tmp'],
    ...['--ro-bind', '/usr', '/usr'],
    ...['bin', 'sbin', 'lib', 'lib64'].flatMap((name) => ['--symlink', `usr/${name}`, `/${name}`]),
    ...readOnlyWhereFound.flatMap((path) => ['--ro-bind-try', path, path]),
    // /usr/local is the host's own and may hold anything.
    ...['--tmpfs', '/usr/local', '--remount-ro', '/usr/local'],
    ...['--proc', '/proc', '--dev', '/dev', '--size', String(16 * MIB), '--tmpfs', '/dev/shm', '--remount-ro', '/dev'],
    ...['--size', String(64 * MIB), '--tmpfs', '/tmp'],
    ...['--bind', workspace, MOUNT_POINT],
    ...['--perms', '0555', '--dir', '/run', '--file', String(FD.script), SCRIPT],
    ...['--remount-ro', '/', '--chdir', MOUNT_POINT],
  ];
}

/**
 * The command line of bwrap: limits are set inside, where the number of processes is counted for this sandbox alone.
 * Memory is limited per process, by address space.
 */
export function commandLine(timeoutMs: number): string[] {
  const limits = {
    nproc: 64,
    as: 2048 * MIB,
    fsize: 64 * MIB,
    nofile: 512,
    core: 0,
    cpu: Math.ceil(timeoutMs / 1000) + 1,
  };
  return [
    ...['--args', String(FD.args), '--seccomp', String(FD.seccomp), '--json-status-fd', String(FD.status), '--'],
    ...['/usr/bin/prlimit', ...Object.entries(limits).map(([name, value]) => `--${name}=${value}`), '--'],
    ...BASH,
    SCRIPT,
  ];
}
