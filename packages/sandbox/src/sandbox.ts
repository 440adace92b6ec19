/** What a driver can run. JavaScript runs in QuickJS, shell commands in bubblewrap. */
export type Language = 'javascript' | 'bash';

export type DriverName = 'quickjs' | 'bubblewrap';

/** One program to run to its end. */
export interface ExecRequest {
  readonly language: Language;
  readonly code: string;
  /** What the program reads: its standard input in bash, the global `stdin` in JavaScript. */
  readonly stdin?: string;
  /** Absolute directory on the host, the only one that the program can write; JavaScript does not see it. */
  readonly workspace: string;
  /** Counted from the moment the program begins. */
  readonly timeoutMs: number;
  /** Bound on standard output and standard error together. */
  readonly maxOutputBytes: number;
}

interface ExecOutput {
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
  /** True where output beyond the limit was dropped. */
  readonly truncated: boolean;
  /** null where nothing exited by itself: it was killed, or there was no process. */
  readonly exitCode: number | null;
}

/**
 * How a program ended. `error` is the program's own failure: a non-zero exit, an exception, too much output.
 * `result` is the value of the last JavaScript expression, absent where that is undefined.
 */
export type ExecResult =
  | (ExecOutput & { readonly status: 'success'; readonly result?: unknown })
  | (ExecOutput & { readonly status: 'error' | 'timeout'; readonly message: string });

/**
 * An isolated place to run programs. `exec` resolves once everything that the program started is dead. It throws
 * ReeveError `cancelled` where the signal aborts, and `unavailable` where the sandbox itself cannot start.
 */
export interface SandboxDriver {
  readonly name: DriverName;
  readonly languages: readonly Language[];
  exec(request: ExecRequest, signal: AbortSignal): Promise<ExecResult>;
}
