import type { ContainerCreateOptions } from 'dockerode';
import { bridged, BRIDGE_THREADS, EGRESS_SOCKET, PROXY_VARIABLES } from '../egress/bridge.ts';
import { MOUNT_POINT } from '../files/resolve-path.ts';
import { FD } from '../system/profile.ts';
import {
  addressSpaceBytes,
  cpuSeconds,
  directoryOf,
  MIB,
  programOf,
  TMPFS_BYTES,
  variablesOf,
} from '../system/program.ts';
import type { ExecRequest, Limits } from '../sandbox.ts';
import { SANDBOX_UID, isRoot } from '../files/workspace.ts';

/** The image of the programs, by digest instead of name, and the processors a program may use at once. */
export interface Image {
  readonly id: string;
  readonly name: string;
  readonly processors: number;
}

/** The launcher’s first byte on standard output: the program begins, or its directory is missing. */
export const MARK = { begins: 'r', noDirectory: 'd' } as const;

/** Host paths bound into a container besides directories, if any. */
export interface Channels {
  /** The socket of its way out. */
  readonly egress: string | undefined;
  /** The pipe that it answers on. */
  readonly answer: string | undefined;
}

const ANSWER_PIPE = '/run/answer';

/** The least memory that a container starts with. */
const MIN_MEMORY_BYTES = 32 * MIB;

/** The image's own interpreters, found by its PATH. */
const INTERPRETERS = { bash: 'bash', python: 'python3', node: 'node', directory: '/run/program' } as const;

/**
 * Takes the program from standard input, whose rest is the program's, and becomes it. Nothing of a program is in a
 * command line, in an image or in a file of the host. The engine has no limit on address space, so it is set here.
 */
const LAUNCHER = `
cd -- "$1" 2>/dev/null || { printf ${MARK.noDirectory}; exit; }
head -c "$2" >"$3" && ulimit -v "$4" || exit
[ -z "$5" ] || exec ${FD.answer}>"$5"
shift 5
printf ${MARK.begins}
exec "$@"`;

/**
 * The container options: no network, no capabilities, a read-only system, memory for /tmp, the workspace and read-only
 * directories as the only host paths, the seccomp profile, and the limits that the kernel counts for all processes
 * together.
 */
export function containerOptions(
  image: Image,
  seccomp: string,
  request: ExecRequest,
  workspace: string,
  readOnly: ReadonlyMap<string, string>,
  limits: Limits,
  { egress, answer }: Channels,
): ContainerCreateOptions {
  const [uid, gid] = isRoot() ? [SANDBOX_UID, SANDBOX_UID] : [process.getuid?.(), process.getgid?.()];
  const bytes = Buffer.byteLength(request.code);
  const memory = Math.max(limits.memoryBytes, MIN_MEMORY_BYTES);
  const { file, command: plain } = programOf(request.language, limits.memoryBytes, INTERPRETERS);
  const command =
    egress === undefined ? plain : bridged(INTERPRETERS.node, answer === undefined ? undefined : FD.answer, plain);
  const variables = { ...(egress !== undefined && PROXY_VARIABLES), ...variablesOf(request) };
  const tmpfs = (size: number, files: number, more: string) =>
    `rw,nosuid,nodev,size=${size},nr_inodes=${files},uid=${uid},gid=${gid},${more}`;
  const inMemory = Object.entries(TMPFS_BYTES).map(([path, size]) => [
    path,
    tmpfs(size, limits.files + 1, 'exec,mode=1777'),
  ]);
  return {
    Image: image.id,
    Entrypoint: ['/bin/sh', '-c', LAUNCHER, 'sandbox'],
    Cmd: [
      ...[directoryOf(request.cwd), String(bytes), file],
      String(Math.ceil(addressSpaceBytes(request.language, limits.memoryBytes) / 1024)),
      ...[answer === undefined ? '' : ANSWER_PIPE, ...command],
    ],
    // A name without a value removes the engine’s default.
    Env: [...Object.entries(variables).map(([name, value]) => `${name}=${value}`), 'HOSTNAME'],
    User: `${uid}:${gid}`,
    WorkingDir: MOUNT_POINT,
    Hostname: 'sandbox',
    OpenStdin: true,
    StdinOnce: true,
    Healthcheck: { Test: ['NONE'] },
    HostConfig: {
      AutoRemove: true,
      Init: true,
      NetworkMode: 'none',
      IpcMode: 'none',
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges', `seccomp=${seccomp}`],
      ReadonlyRootfs: true,
      MaskedPaths: MASKED_PATHS,
      Mounts: [
        {
          Type: 'bind',
          Source: workspace,
          Target: MOUNT_POINT,
          BindOptions: { Propagation: 'rprivate' },
        },
        ...[...readOnly, [EGRESS_SOCKET, egress] as const, [ANSWER_PIPE, answer] as const].flatMap(([Target, Source]) =>
          Source === undefined ? [] : [{ Type: 'bind' as const, Source, Target, ReadOnly: true }],
        ),
      ],
      Tmpfs: {
        ...Object.fromEntries(inMemory),
        [INTERPRETERS.directory]: tmpfs(bytes + MIB, 16, 'noexec,mode=0700'),
      },
      Memory: memory,
      MemorySwap: memory,
      PidsLimit: limits.processes + INIT_PROCESSES + (egress === undefined ? 0 : BRIDGE_THREADS),
      NanoCpus: image.processors * 1e9,
      Ulimits: Object.entries({
        nofile: limits.openFiles,
        fsize: Math.max(limits.fileBytes, bytes),
        cpu: cpuSeconds(limits.cpuMs),
        core: 0,
        nproc: MAX_PROCESSES_OF_USER,
      }).map(([Name, limit]) => ({ Name, Soft: limit, Hard: limit })),
      OomScoreAdj: 1000,
      LogConfig: { Type: 'none', Config: {} },
    },
  };
}

/** The engine's own init counts among the processes of a container. */
const INIT_PROCESSES = 1;

/** This one counts for a user on the whole machine, other containers included; the number of processes is a container's own. */
const MAX_PROCESSES_OF_USER = 65_536;

/** Paths that engines mask by default, and all of /sys, which describes the machine. */
const MASKED_PATHS = [
  ...[
    'acpi',
    'asound',
    'interrupts',
    'kcore',
    'keys',
    'latency_stats',
    'sched_debug',
    'scsi',
    'timer_list',
    'timer_stats',
  ].map((name) => `/proc/${name}`),
  '/sys',
];
