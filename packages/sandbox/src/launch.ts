import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import { BASH, FD, commandLine, profile } from './profile.ts';
import { SANDBOX_UID, giveToSandbox, isRoot } from './workspace.ts';

/** What a started bwrap needs: how to call it and what goes through its descriptors. */
export interface Launch {
  readonly bwrap: string;
  readonly seccomp: Buffer;
  readonly script: string;
  readonly stdin: string;
  readonly workspace: string;
  readonly timeoutMs: number;
}

/** Where a workspace is bound, in a mount namespace that ends with the command. */
const STAGE = '/mnt';

/**
 * Starts bwrap, never as root: an unprivileged Reeve starts it as itself, a root one as `SANDBOX_UID`. A workspace
 * below a directory that only root may enter is first bound elsewhere, in a mount namespace of its own, and the uid is
 * dropped after that. Only descriptors that are ours reach the sandbox.
 */
export async function launch({ bwrap, seccomp, script, stdin, workspace, timeoutMs }: Launch): Promise<ChildProcess> {
  const real = await realpath(workspace);
  const root = isRoot();
  if (root) await makeWritable(real);
  const staged = root && !(await isReachable(real));
  const argv = [bwrap, ...commandLine(timeoutMs)];
  const [file, args] = staged ? stage(argv) : withoutStrayDescriptors(argv);
  const child = spawn(file, args, {
    ...(root && !staged && { uid: SANDBOX_UID, gid: SANDBOX_UID }),
    cwd: staged ? real : '/',
    env: staged ? { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } : {},
    stdio: Array.from({ length: FD.status + 1 }, () => 'pipe' as const),
  });
  send(child, 0, stdin);
  send(child, FD.args, `${profile(staged ? STAGE : real).join('\0')}\0`);
  send(child, FD.seccomp, seccomp);
  send(child, FD.script, script);
  return child;
}

/** The host's end of a descriptor of a launched child. */
export function descriptor(child: ChildProcess, fd: number): Duplex {
  return (child.stdio as unknown as readonly Duplex[])[fd]!;
}

async function makeWritable(workspace: string): Promise<void> {
  if ((await stat(workspace)).uid === 0) await giveToSandbox(workspace);
}

/** True where the sandbox's uid may pass through every directory above the workspace. */
async function isReachable(workspace: string): Promise<boolean> {
  for (let directory = dirname(workspace); ; directory = dirname(directory)) {
    const { mode, uid } = await stat(directory);
    if ((mode & (uid === SANDBOX_UID ? 0o100 : 0o001)) === 0) return false;
    if (directory === dirname(directory)) return true;
  }
}

/** The workspace is the current directory here, so that its path is in no command line. */
function stage(argv: readonly string[]): [string, string[]] {
  const script = [
    `mount --bind . ${STAGE}`,
    'cd /',
    ...closing(),
    `exec setpriv --reuid=${SANDBOX_UID} --regid=${SANDBOX_UID} --clear-groups -- "$0" "$@"`,
  ].join(' && ');
  return ['/usr/bin/unshare', ['--mount', '--propagation', 'private', '--', ...BASH, '-c', script, ...argv]];
}

function withoutStrayDescriptors(argv: readonly string[]): [string, string[]] {
  const close = closing();
  if (close.length === 0) return [argv[0]!, argv.slice(1)];
  return [BASH[0], [...BASH.slice(1), '-c', [...close, 'exec "$0" "$@"'].join(' && '), ...argv]];
}

/** Shell text that closes what this process inherited without close-on-exec, which would pass into the sandbox. */
function closing(): string[] {
  const stray = readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => fd > FD.status && isInheritable(fd));
  return stray.length === 0 ? [] : [`exec ${stray.map((fd) => `${fd}>&-`).join(' ')}`];
}

function isInheritable(fd: number): boolean {
  const O_CLOEXEC = 0o2000000;
  try {
    const flags = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'));
    return flags !== null && (Number.parseInt(flags[1]!, 8) & O_CLOEXEC) === 0;
  } catch {
    return false;
  }
}

function send(child: ChildProcess, fd: number, data: string | Buffer): void {
  // A child that ends without reading is no error here: its exit says what happened.
  descriptor(child, fd)
    .on('error', () => undefined)
    .end(data);
}
