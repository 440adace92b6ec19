import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { CommandIo } from '../src/io.ts';
import { runCommandLine } from '../src/program.ts';
import { watchOutput, type CommandResult, type RunningCommand } from './running.ts';

export interface InProcessOptions {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** All three streams say that they are a terminal; stdout holds all that it shows. */
  readonly terminal?: boolean | undefined;
}

/** Runs a command in this process, with streams and signals of its own. */
export function startInProcess(
  args: readonly string[],
  { directory, environment, terminal = false }: InProcessOptions,
): RunningCommand {
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  const stderr = terminal ? stdout : new PassThrough();
  if (terminal) for (const stream of [stdin, stdout]) Object.assign(stream, { isTTY: true, columns: 200 });
  const signals = new EventEmitter();
  const exited = Promise.withResolvers<number>();
  const io: CommandIo = {
    stdin,
    stdout,
    stderr,
    directory,
    environment,
    signals,
    interrupt: () => void signals.emit('SIGINT', 'SIGINT'),
    exit: (code) => exited.resolve(code),
  };
  const ended = Promise.all([
    Promise.race([runCommandLine(args, io), exited.promise]).finally(() => {
      stdout.end();
      stderr.end();
    }),
    text(stdout),
    terminal ? '' : text(stderr),
  ]).then(([code, shown, told]): CommandResult => ({ code, stdout: shown, stderr: told }));
  // Whoever waits for the end hears of a failure.
  ended.catch(() => undefined);
  return {
    ended,
    ...watchOutput(terminal ? [stdout] : [stdout, stderr], ended),
    type: (typed) => void stdin.write(typed),
    endInput: (input) => void stdin.end(input),
    signal(name) {
      // As the kernel does, where nobody listens.
      if (!signals.emit(name, name)) exited.reject(new Error(`${args.join(' ')} does not listen to ${name}`));
    },
    closeOutput: () => void stdout.destroy(),
  };
}
