import type { Readable } from 'node:stream';
import type { Egress } from './egress/egress.ts';

/** What a driver can run: JavaScript in QuickJS; shell, Python and Node programs in bubblewrap or Docker. */
export type Language = 'javascript' | 'bash' | 'python' | 'node';

export type DriverName = 'quickjs' | 'bubblewrap' | 'docker' | 'remote';

export type OutputStream = 'stdout' | 'stderr';

/** Limits of one call; `limits.ts` has the defaults. */
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
  /** Bytes added to the workspace, all files together. */
  readonly diskBytes: number;
  /** Files, directories and links that it adds. */
  readonly files: number;
}

/** A host directory, and its path inside. */
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
   * Standard input, or the global `stdin` in JavaScript. A stream is read while the program runs, and its end closes
   * the input; JavaScript accepts no stream.
   */
  readonly stdin?: string | Readable;
  /** Absolute host directory, the only one that the program can write; invisible to JavaScript. */
  readonly workspace: string;
  /** Read-only host directories; invisible to JavaScript. Missing ones are skipped. */
  readonly readOnly?: readonly ReadOnlyDirectory[];
  /** Lets the program answer on descriptor 7, apart from its output, up to this size; not for JavaScript. */
  readonly maxAnswerBytes?: number;
  /** Initial directory inside the workspace, relative or below `/workspace`; the workspace by default. */
  readonly cwd?: string;
  /** Variables for the program, besides the few that it always has; the global `env` in JavaScript. */
  readonly env?: Readonly<Record<string, string>>;
  /** Counted from the moment the program begins. */
  readonly timeoutMs: number;
  /** Bound on standard output and standard error together. */
  readonly maxOutputBytes: number;
  readonly limits?: Partial<Limits>;
  /** Hosts that the program may reach; none by default, and none for JavaScript. */
  readonly egress?: Egress | undefined;
  /**
   * Receives output as it comes, within the limit and in whole characters. Must not throw. While a returned promise is
   * pending, reading pauses, so a program that keeps printing blocks; JavaScript does not.
   */
  readonly onOutput?: (stream: OutputStream, text: string) => Promise<void> | void;
  /** False: output goes to `onOutput` only; the result has at most the beginning of standard error. For long-running programs. */
  readonly keepsOutput?: boolean;
}

/** The same for whichever driver runs its language. */
export interface SandboxRequest extends Omit<ExecRequest, 'workspace'> {
  /** By default a temporary one, removed with the call. */
  readonly workspace?: string | undefined;
}

interface ExecOutput {
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
  /** True where output beyond the limit was dropped. */
  readonly truncated: boolean;
  /** Null if it did not exit by itself: it was killed, or never started. */
  readonly exitCode: number | null;
  /** What it wrote to descriptor 7; absent if not requested or too long. */
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
