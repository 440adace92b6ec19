import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface ServerOptions {
  readonly dataDirectory: string;
  /** PostgreSQL; undefined: the embedded database. */
  readonly url: string | undefined;
  readonly environment?: Readonly<Record<string, string>>;
  /** A module loaded before the program. */
  readonly preload?: string;
}

/** A Reeve server in a process of its own. */
export interface ServerProcess extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** Its log so far, one JSON object a line. */
  readonly log: readonly string[];
  /** Its standard output so far. */
  readonly output: readonly string[];
  /** Resolves when it has ended, with its exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** Ends it by a signal and waits. */
  end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

const main = join(import.meta.dirname, '../../cli/src/main.ts');
const READY_MS = 60_000;

/** Starts `reeve serve` on a free port and waits until it listens. Throws with its log where it ends before that. */
export async function startServer({
  dataDirectory,
  url,
  environment = {},
  preload,
}: ServerOptions): Promise<ServerProcess> {
  const log: string[] = [];
  const output: string[] = [];
  const child = spawn(process.execPath, [...(preload === undefined ? [] : ['--import', preload]), main, 'serve'], {
    cwd: dataDirectory,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: dataDirectory,
      REEVE_PORT: '0',
      SANDBOX_PORT: 'off',
      MEMORY_PORT: 'off',
      BODY_REFRESH_S: '0',
      REEVE_DATA_DIR: join(dataDirectory, 'data'),
      LOG_LEVEL: 'debug',
      LOG_FORMAT: 'json',
      ...(url !== undefined && { DATABASE_URL: url }),
      ...environment,
    },
  });
  createInterface(child.stderr).on('line', (line) => log.push(line));
  const exited = once(child, 'exit').then(([code, signal]) => (code as number | null) ?? (signal as NodeJS.Signals));
  const listening = new Promise<string>((resolve) => {
    createInterface(child.stdout).on('line', (line) => {
      output.push(line);
      const found = /^Reeve listens on (\S+)/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), READY_MS);
  const first = await Promise.race([listening, exited]);
  clearTimeout(timer);
  if (typeof first !== 'string' || !first.startsWith('http'))
    throw new Error(`the server ended (${first}) before it listened:\n${log.join('\n')}`);
  return {
    url: first,
    pid: child.pid!,
    log,
    output,
    exited,
    async end(signal) {
      child.kill(signal);
      return exited;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await exited;
    },
  };
}
