import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { watchOutput, type RunningCommand } from './running.ts';

const main = join(import.meta.dirname, '../src/main.ts');
const TIMEOUT_MS = 180_000;

/** Why there can be no terminal here; false where there can. */
export const withoutTerminal =
  spawnSync('script', ['--version']).status !== 0 && 'needs script of util-linux, which makes terminals';

export interface ProcessOptions {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** At a terminal of its own: stdout holds all that it shows, and `type` is its keyboard. */
  readonly terminal?: boolean | undefined;
  /** The program instead of `node main.ts`. */
  readonly program?: readonly string[] | undefined;
}

/** Starts the command line in a process of its own. */
export function startProcess(
  args: readonly string[],
  { directory, environment, terminal, program = [process.execPath, main] }: ProcessOptions,
): RunningCommand & { readonly pid: number } {
  const command = [...program, ...args];
  const [file, ...words] = terminal ? atTerminal(command) : command;
  const child = spawn(file!, words, {
    cwd: directory,
    stdio: 'pipe',
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
    env: environment,
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (part: string) => (stdout += part));
  child.stderr.setEncoding('utf8').on('data', (part: string) => (stderr += part));
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: (code as number | null) ?? (signal as NodeJS.Signals),
    stdout,
    stderr,
  }));
  return {
    pid: child.pid!,
    ended,
    ...watchOutput([child.stdout, child.stderr], ended),
    type: (typed) => void child.stdin.write(typed),
    endInput: (input) => void child.stdin.end(input),
    signal: (name) => void child.kill(name),
    closeOutput: () => void child.stdout.destroy(),
  };
}

/** The command that runs another one at a terminal. */
function atTerminal(command: readonly string[]): string[] {
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  return ['script', '--quiet', '--return', '--command', quoted, '/dev/null'];
}
