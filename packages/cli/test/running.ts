import type { Readable } from 'node:stream';

/** What a command left behind. */
export interface CommandResult {
  readonly code: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs, in this process or in its own. */
export interface RunningCommand {
  readonly ended: Promise<CommandResult>;
  /** Resolves when stdout and stderr together hold this text; rejects where the command ends before. */
  printed(part: string): Promise<void>;
  /** What it has printed so far. */
  shown(): string;
  /** Types at its terminal, or writes to its standard input. */
  type(typed: string): void;
  endInput(input?: string): void;
  signal(name: NodeJS.Signals): void;
  /** Closes the reading end of its stdout, as `head` does. */
  closeOutput(): void;
}

/** What a command with these outputs prints. */
export function watchOutput(
  outputs: readonly Readable[],
  ended: Promise<CommandResult>,
): Pick<RunningCommand, 'printed' | 'shown'> {
  let shown = '';
  for (const output of outputs) output.on('data', (chunk: Buffer) => (shown += chunk.toString()));
  const printed = (part: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => shown.includes(part) && resolve();
      for (const output of outputs) output.on('data', look);
      ended.then(
        ({ code }) => reject(new Error(`it ended (${code}) without printing ${JSON.stringify(part)}:\n${shown}`)),
        reject,
      );
      look();
    });
  return { printed, shown: () => shown };
}
