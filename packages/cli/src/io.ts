import type { ConfigSource } from '@reeve/server/config';

/** Standard input, which may be a terminal. */
export type InputStream = NodeJS.ReadableStream & { readonly isTTY?: boolean };

/** Standard output or standard error, which may be a terminal of so many columns. */
export type OutputStream = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

/** Where SIGINT and SIGTERM arrive; a process is one. */
export interface Signals {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  listenerCount(signal: NodeJS.Signals): number;
}

/**
 * All that a command has of the process it runs in: commands use no global of `process`, so that many can run in one
 * process, as tests do. The environment is that of the process unless given.
 */
export interface CommandIo extends ConfigSource {
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** The working directory, absolute. */
  readonly directory: string;
  readonly signals: Signals;
  /** Sends SIGINT to itself: a line editor takes Ctrl-C from the keyboard before it becomes a signal. */
  interrupt(): void;
  /** Ends the process at once with an exit code. */
  exit(code: number): void;
  /** What the command that ran ended with. */
  exitCode?: number;
}
