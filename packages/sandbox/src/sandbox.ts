import type { Readable } from 'node:stream';
import type { Egress } from './egress/egress.ts';

/** What a driver can run. JavaScript runs in QuickJS; shell, Python and Node programs in bubblewrap or Docker. */
export type Language = 'javascript' | 'bash' | 'python' | 'node';

export type DriverName = 'quickjs' | 'bubblewrap' | 'docker' | 'remote';

export type OutputStream = 'stdout' | 'stderr';

/** What one call may use at the most; `limits.ts` says what holds for those that a request does not name. */
export interface Limits {
  /** CPU time of all its processes together. */
  readonly cpuMs: number;
  /** Memory of all its processes together. */
  readonly memoryBytes: number;
  /** Processes and threads at a time. */
  readonly processes: number;
  /** Open files of each process. */
  readonly openFiles: number;
  /** Size of each file that it writes. */
  readonly fileBytes: number;
  /** What it adds to the workspace, all files together. */
  readonly diskBytes: number;
  /** Files, directories and links that it adds. */
  readonly files: number;
}

/** A directory of the host, and where a program sees it. */
export interface ReadOnlyDirectory {
  readonly path: string;
  /** Absolute, outside the workspace. */
  readonly at: string;
}

/** One program to run to its end. */
export interface ExecRequest {
  readonly language: Language;
  readonly code: string;
  /**
   * What the program reads: its standard input, or the global `stdin` in JavaScript. A stream is read while the program runs, and
   * closes its input where it ends; JavaScript takes none.
   */
  readonly stdin?: string | Readable;
  /** Absolute directory on the host, the only one that the program can write; JavaScript does not see it. */
  readonly workspace: string;
  /** What of the host it sees besides, and cannot write; JavaScript sees none of it. What is not there is left out. */
  readonly readOnly?: readonly ReadOnlyDirectory[];
  /** Lets the program answer on descriptor 7, apart from what it prints, in at most so many bytes; JavaScript has none. */
  readonly maxAnswerBytes?: number;
  /** Where the program starts: a directory of the workspace, relative or below `/workspace`; the workspace by default. */
  readonly cwd?: string;
  /** Variables for the program, besides the few that it always has; the global `env` in JavaScript. */
  readonly env?: Readonly<Record<string, string>>;
  /** Counted from the moment the program begins. */
  readonly timeoutMs: number;
  /** Bound on standard output and standard error together. */
  readonly maxOutputBytes: number;
  readonly limits?: Partial<Limits>;
  /** Hosts that the program may reach; none where it is left out, and for JavaScript. */
  readonly egress?: Egress | undefined;
  /**
   * Told of output as it comes, within the bound and in whole characters. Must not throw. While a promise that it returns is
   * open, no more is read, so that a program that goes on printing has to wait; JavaScript does not.
   */
  readonly onOutput?: (stream: OutputStream, text: string) => Promise<void> | void;
  /** False: output is told to `onOutput` alone; the result has at most the beginning of standard error. For programs that talk for hours. */
  readonly keepsOutput?: boolean;
}

/** The same for whichever driver runs its language. */
export interface SandboxRequest extends Omit<ExecRequest, 'workspace'> {
  /** One of its own, empty and gone with the call, where it is left out. */
  readonly workspace?: string | undefined;
}

interface ExecOutput {
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
  /** True where output beyond the limit was dropped. */
  readonly truncated: boolean;
  /** null where nothing exited by itself: it was killed, or there was no process. */
  readonly exitCode: number | null;
  /** What it wrote to descriptor 7; absent where that was not asked for, or more than allowed. */
  readonly answer?: string;
}

/** The limits whose breach ends a program from outside. The others make its own calls fail. */
export type ExceededLimit = 'time' | 'output' | 'cpu' | 'memory' | 'disk' | 'files';

/**
 * How a program ended. `error` is the program's own failure: a non-zero exit, an exception, a limit that it broke;
 * `timeout` says that its time was up, by the clock or by the processor. `result` is the value of the last JavaScript
 * expression, absent where that is undefined.
 */
export type ExecResult =
  | (ExecOutput & { readonly status: 'success'; readonly result?: unknown })
  | (ExecOutput & {
      readonly status: 'error' | 'timeout';
      readonly message: string;
      /** The limit for which it was killed. */
      readonly exceeded?: ExceededLimit;
    });

/**
 * An isolated place to run programs. `exec` resolves once everything that the program started is dead. It throws
 * ReeveError `cancelled` where the signal aborts, `invalid_request` for a directory, a variable or a limit that cannot
 * be, and `unavailable` where the sandbox itself cannot start.
 */
export interface SandboxDriver {
  readonly name: DriverName;
  readonly languages: readonly Language[];
  exec(request: ExecRequest, signal: AbortSignal): Promise<ExecResult>;
}
