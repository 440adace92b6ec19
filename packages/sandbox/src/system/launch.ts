import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import { ReeveError } from '@reeve/kit';
import { writeStdin } from './write-stdin.ts';
import { seenAt } from './program.ts';
import { BASH, FD, commandLine, profile, type HostPaths } from './profile.ts';
import type { ExecRequest, Limits } from '../sandbox.ts';
import { SANDBOX_UID, isRoot, makeWritable } from '../files/workspace.ts';

/** Where bwrap is, and the compiled filter that it applies. */
export interface Bubblewrap {
  readonly bwrap: string;
  readonly seccomp: Buffer;
}

/** Where unreachable paths are bound, in a mount namespace that ends with the call. */
const STAGE = {
  workspace: '/mnt/workspace',
  node: '/mnt/node',
  egress: '/mnt/egress',
  readOnly: (index: number) => `/mnt/${index}`,
};

/**
 * Starts bwrap, never as root: an unprivileged Reeve starts it as itself, a root one as `SANDBOX_UID`. What lies below
 * a directory that only root may enter is first bound elsewhere, in a mount namespace of its own, and the uid is
 * dropped after that. Only descriptors that are ours reach the sandbox. Where memory runs out on the machine, its
 * processes are the first to go. `egress`: the socket of its way out, where it has one.
 */
export async function launch(
  { bwrap, seccomp }: Bubblewrap,
  request: ExecRequest,
  limits: Limits,
  egress?: string,
): Promise<ChildProcess> {
  const host: HostPaths = {
    workspace: await realpath(request.workspace),
    node: await realpath(process.execPath),
    egress,
    readOnly: await readOnlyOf(request),
  };
  const root = isRoot();
  await makeWritable(host.workspace);
  const staged =
    root && !(await areReachable([host.workspace, host.node, ...host.readOnly.values(), ...(egress ? [egress] : [])]));
  const givenArguments = profile(staged ? stagedPaths(host) : host, request);
  // Whatever else is checked elsewhere: an argument with a NUL would be two.
  if (givenArguments.some((argument) => argument.includes('\0')))
    throw new ReeveError('invalid_request', 'nothing that a program is given may have a NUL in its name');
  const argv = [bwrap, ...commandLine(request, limits)];
  const answers = request.maxAnswerBytes !== undefined;
  const [file, args] = staged ? stage(host, argv, answers) : withoutStrayDescriptors(argv, answers);
  const child = spawn(file, args, {
    ...(root && !staged && { uid: SANDBOX_UID, gid: SANDBOX_UID }),
    cwd: staged ? host.workspace : '/',
    env: staged ? { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } : {},
    stdio: Array.from({ length: (answers ? FD.answer : FD.status) + 1 }, () => 'pipe' as const),
  });
  child.on('error', () => undefined);
  // Without free descriptors no child exists, and its error event comes before a listener.
  if ((child.stdio as unknown) === undefined)
    throw new ReeveError('unavailable', 'there is no free file descriptor to start a program with');
  // Nothing has been started inside yet: bwrap waits for its arguments.
  offerToOomKiller(child);
  writeStdin(descriptor(child, 0), request.stdin);
  writeStdin(descriptor(child, FD.args), `${givenArguments.join('\0')}\0`);
  writeStdin(descriptor(child, FD.seccomp), seccomp);
  writeStdin(descriptor(child, FD.program), request.code);
  return child;
}

/** The host's end of a descriptor of a launched child. */
export function descriptor(child: ChildProcess, fd: number): Duplex {
  return (child.stdio as unknown as readonly Duplex[])[fd]!;
}

/** Host paths that a program sees besides its workspace, if they exist. */
export async function readOnlyOf({ readOnly = [] }: Pick<ExecRequest, 'readOnly'>): Promise<Map<string, string>> {
  const found = await Promise.all(
    readOnly.map(async ({ path, at }) => [seenAt(at), await realpath(path).catch(() => undefined)] as const),
  );
  return new Map(found.flatMap(([at, path]) => (path === undefined ? [] : [[at, path]])));
}

async function areReachable(paths: readonly string[]): Promise<boolean> {
  for (const path of paths) if (!(await isReachable(path))) return false;
  return true;
}

/** True if the sandbox’s uid may traverse every parent of a path. */
async function isReachable(path: string): Promise<boolean> {
  for (let directory = dirname(path); ; directory = dirname(directory)) {
    const { mode, uid } = await stat(directory);
    if ((mode & (uid === SANDBOX_UID ? 0o100 : 0o001)) === 0) return false;
    if (directory === dirname(directory)) return true;
  }
}

function stagedPaths({ readOnly, egress }: HostPaths): HostPaths {
  const at = [...readOnly.keys()].map((seen, index) => [seen, STAGE.readOnly(index)] as const);
  return {
    workspace: STAGE.workspace,
    node: STAGE.node,
    readOnly: new Map(at),
    egress: egress === undefined ? undefined : STAGE.egress,
  };
}

/** The workspace is the current directory here, so that its path is in no command line. */
function stage(host: HostPaths, argv: readonly string[], answers: boolean): [string, string[]] {
  const directories = [...host.readOnly.values()];
  const sockets = host.egress === undefined ? [] : [host.egress];
  const script = [
    'node=$1 && shift',
    'mount -t tmpfs -o size=64k,mode=755 stage /mnt',
    `mkdir ${STAGE.workspace} && : > ${STAGE.node}`,
    `mount --bind . ${STAGE.workspace} && mount --bind "$node" ${STAGE.node}`,
    ...sockets.map(() => `: > ${STAGE.egress} && mount --bind "$1" ${STAGE.egress} && shift`),
    ...directories.map(
      (_, index) => `mkdir ${STAGE.readOnly(index)} && mount --bind "$1" ${STAGE.readOnly(index)} && shift`,
    ),
    'cd /',
    ...closing(answers),
    `exec setpriv --reuid=${SANDBOX_UID} --regid=${SANDBOX_UID} --clear-groups -- "$@"`,
  ].join(' && ');
  return [
    '/usr/bin/unshare',
    [
      '--mount',
      '--propagation',
      'private',
      '--',
      ...BASH,
      '-c',
      script,
      'stage',
      host.node,
      ...sockets,
      ...directories,
      ...argv,
    ],
  ];
}

function withoutStrayDescriptors(argv: readonly string[], answers: boolean): [string, string[]] {
  const close = closing(answers);
  if (close.length === 0) return [argv[0]!, argv.slice(1)];
  return [BASH[0], [...BASH.slice(1), '-c', [...close, 'exec "$0" "$@"'].join(' && '), ...argv]];
}

let known: readonly number[] | undefined;

/**
 * Shell text that closes what this process inherited without close-on-exec, which would pass into the sandbox. What it opens itself
 * has that flag, so one look is enough. A program that answers has a descriptor of its own in one of those places.
 */
function closing(answers: boolean): readonly string[] {
  known ??= lookForStray();
  const stray = known.filter((fd) => !(answers && fd === FD.answer));
  return stray.length === 0 ? [] : [`exec ${stray.map((fd) => `${fd}>&-`).join(' ')}`];
}

function lookForStray(): number[] {
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => fd > FD.status && isInheritable(fd));
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

/** Any process may make itself the first to be killed; that it could not be done is no reason not to run. */
function offerToOomKiller(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    writeFileSync(`/proc/${child.pid}/oom_score_adj`, '1000');
  } catch {}
}
