import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** For tests: an empty working directory in which the real command line is run. */
export interface Place extends AsyncDisposable {
  readonly directory: string;
  /** Where the commands keep their data, as `startServer` of @reeve/testing does for the same directory. */
  readonly dataDirectory: string;
  /** Runs a command to its end. */
  cli(args: readonly string[], options?: CliOptions): Promise<CliResult>;
  /** Starts a command and leaves it running; it is killed with the place. */
  start(args: readonly string[], options?: CliOptions): RunningCli;
}

export interface CliOptions {
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** At a terminal: what it shows comes as stdout, and what is written to stdin is typed. */
  readonly terminal?: boolean;
}

export interface CliResult {
  readonly code: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCli {
  readonly child: ChildProcess;
  readonly ended: Promise<CliResult>;
  /** Resolves when stdout and stderr together hold this text; rejects where the command ends before. */
  said(part: string): Promise<void>;
}

const main = join(import.meta.dirname, '../src/main.ts');
const PATIENCE_MS = 180_000;

/** Why there can be no terminal here; false where there can. */
export const withoutTerminal =
  spawnSync('script', ['--version']).status !== 0 && 'needs script of util-linux, which makes terminals';

/** The command that runs one at a terminal of its own. */
function atTerminal(command: readonly string[]): string[] {
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  return ['script', '--quiet', '--return', '--command', quoted, '/dev/null'];
}

export async function createPlace(): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'reeve-cli-'));
  const dataDirectory = join(directory, 'data');
  const running = new Set<RunningCli>();

  function start(args: readonly string[], { input, environment = {}, terminal }: CliOptions = {}): RunningCli {
    const [program, ...words] = terminal
      ? atTerminal([process.execPath, main, ...args])
      : [process.execPath, main, ...args];
    const child = spawn(program!, words, {
      cwd: directory,
      stdio: 'pipe',
      timeout: PATIENCE_MS,
      killSignal: 'SIGKILL',
      env: {
        PATH: '/usr/local/bin:/usr/bin:/bin',
        HOME: directory,
        REEVE_DATA_DIR: dataDirectory,
        REEVE_PORT: '0',
        SANDBOX_PORT: 'off',
        MEMORY_PORT: 'off',
        BODY_REFRESH_S: '0',
        ...environment,
      },
    });
    if (input !== undefined) child.stdin.end(input);
    let heard = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    const outputs = Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    const ended = outputs.then(([stdout, stderr, [code, signal]]) => {
      running.delete(started);
      return { code: (code as number | null) ?? (signal as NodeJS.Signals), stdout, stderr };
    });
    const said = (part: string) =>
      new Promise<void>((resolve, reject) => {
        const look = () => heard.includes(part) && resolve();
        child.stdout.on('data', look);
        child.stderr.on('data', look);
        void ended.then(({ code }) =>
          reject(new Error(`it ended (${code}) without saying ${JSON.stringify(part)}:\n${heard}`)),
        );
        look();
      });
    const started: RunningCli = { child, ended, said };
    running.add(started);
    return started;
  }

  return {
    directory,
    dataDirectory,
    start,
    cli: (args, options) => start(args, { input: '', ...options }).ended,
    async [Symbol.asyncDispose]() {
      for (const { child } of running) child.kill('SIGKILL');
      await Promise.all([...running].map(({ ended }) => ended));
      await rm(directory, { recursive: true, force: true });
    },
  };
}
