import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readHolder } from '@reeve/db/lock';
import { startInProcess } from './in-process.ts';
import { startProcess } from './process.ts';
import type { CommandResult, RunningCommand } from './running.ts';

/** An empty working directory in which commands run, in this process unless said otherwise. */
export interface TestShell extends AsyncDisposable {
  readonly directory: string;
  /** Where the commands keep their data, as `startServer` of @reeve/testing does for the same directory. */
  readonly dataDirectory: string;
  /** Runs a command to its end. */
  run(args: readonly string[], options?: RunOptions): Promise<CommandResult>;
  /** Starts a command and leaves it running; it is ended with the shell. */
  start(args: readonly string[], options?: StartOptions): RunningCommand;
  /** The same, in a process of its own. */
  startProcess(
    args: readonly string[],
    options?: StartOptions & { readonly program?: readonly string[] },
  ): RunningCommand & { readonly pid: number };
  /** Runs `reeve serve` until it listens. */
  serve(environment?: Readonly<Record<string, string>>): Promise<ShellServer>;
}

export interface StartOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly terminal?: boolean;
}

export interface RunOptions extends StartOptions {
  readonly input?: string;
  /** In a process of its own. */
  readonly process?: boolean;
}

/** `reeve serve` in this process. */
export interface ShellServer extends AsyncDisposable {
  readonly url: string;
  /** Ends it by a signal, and answers its exit code. */
  end(signal: NodeJS.Signals): Promise<CommandResult['code']>;
}

/** How long a command may take to end with its shell, before it is left behind. */
const END_MS = 5_000;

export async function createShell(): Promise<TestShell> {
  const directory = await mkdtemp(join(tmpdir(), 'reeve-cli-'));
  const dataDirectory = join(directory, 'data');
  const running = new Set<RunningCommand>();
  const environmentOf = ({ environment = {} }: StartOptions) => ({
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: directory,
    REEVE_DATA_DIR: dataDirectory,
    REEVE_PORT: '0',
    SANDBOX_PORT: 'off',
    MEMORY_PORT: 'off',
    REEVE_CAPABILITIES_REFRESH_S: '0',
    ...environment,
  });
  function keep<Command extends RunningCommand>(command: Command): Command {
    running.add(command);
    const forget = () => void running.delete(command);
    command.ended.then(forget, forget);
    return command;
  }

  const shell: TestShell = {
    directory,
    dataDirectory,
    start: (args, options = {}) =>
      keep(startInProcess(args, { directory, environment: environmentOf(options), terminal: options.terminal })),
    startProcess: (args, options = {}) =>
      keep(startProcess(args, { ...options, directory, environment: environmentOf(options) })),
    run(args, { input = '', process = false, ...options } = {}) {
      const command = process ? shell.startProcess(args, options) : shell.start(args, options);
      command.endInput(input);
      return command.ended;
    },
    async serve(environment = {}) {
      const command = shell.start(['serve'], { environment: { LOG_LEVEL: 'warn', ...environment } });
      await command.printed('  model ');
      const url = readHolder(dataDirectory)!.url!;
      const end = async (signal: NodeJS.Signals) => {
        command.signal(signal);
        return (await command.ended).code;
      };
      return {
        url,
        end,
        async [Symbol.asyncDispose]() {
          if (running.has(command)) await end('SIGTERM');
        },
      };
    },
    async [Symbol.asyncDispose]() {
      for (const command of running) {
        command.endInput();
        if ('pid' in command) command.signal('SIGKILL');
        else command.signal('SIGTERM');
      }
      const late = new Promise((resolve) => void setTimeout(resolve, END_MS).unref());
      await Promise.race([Promise.allSettled([...running].map(({ ended }) => ended)), late]);
      await rm(directory, { recursive: true, force: true });
    },
  };
  return shell;
}
