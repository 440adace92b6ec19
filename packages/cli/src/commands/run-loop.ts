import { ReeveError, sleep } from '@reeve/kit';
import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { EXIT, reportFailure } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { onInterrupt } from '../interrupt.ts';
import { examples, exitWith, wholeNumber } from '../options.ts';
import { note, printJsonLine, printTable, wantsJson, type OutputOptions } from '../output.ts';
import { PROCESSED_COLUMNS, workOnQueue } from '../tasks/queue-work.ts';

interface RunLoopOptions extends OutputOptions {
  readonly limit: number;
  readonly sleepSeconds: number;
}

const HELP = `
Does what run-once does, then sleeps, until Ctrl-C, and ends with 0. The data directory is held only while tasks are worked on, so
that other commands can add some between. stdout gets a table a round, or piped or with --json one JSON document a task, one a
line. A round that finds the data directory taken, or the server gone, is told on stderr and the next one tries again.`;

export function define(command: Command, io: CommandIo): void {
  command
    .option('--sleep-seconds <number>', 'pause between two rounds', wholeNumber(1, 86_400), 10)
    .option('--limit <number>', 'how many tasks a round at most', wholeNumber(1, 100), 5)
    .option('--json', 'print one JSON document a task, one a line')
    .addHelpText('after', HELP)
    .addHelpText('after', examples('reeve run-loop --sleep-seconds=10'))
    .action(exitWith(io, runLoop));
}

async function runLoop(io: CommandIo, options: RunLoopOptions): Promise<number> {
  const stop = new AbortController();
  using _ = onInterrupt(io, () => stop.abort());
  const told = new Set<string>();
  const tellOnce = (text: string) => {
    if (!told.has(text)) note(io, text);
    told.add(text);
  };
  while (!stop.signal.aborted) {
    try {
      await round(io, options, stop.signal, tellOnce);
    } catch (error) {
      if (!isPassing(error)) throw error;
      await reportFailure(io, error, options.json === true);
    }
    await sleep(options.sleepSeconds * 1_000, stop.signal);
  }
  return EXIT.done;
}

async function round(
  io: CommandIo,
  options: RunLoopOptions,
  signal: AbortSignal,
  tell: (text: string) => void,
): Promise<void> {
  await using connection = await connect(io, 'run-loop');
  const { processed } = await workOnQueue(connection, options.limit, signal, tell);
  if (wantsJson(io, options)) for (const task of processed) printJsonLine(io, task);
  else if (processed.length > 0) printTable(io, processed, PROCESSED_COLUMNS);
}

/** Somebody else has the data directory, or the server is away: worth another round. */
function isPassing(error: unknown): boolean {
  if (error instanceof ReeveError) return error.reason === 'conflict' || error.reason === 'unavailable';
  return error instanceof Error && 'code' in error && error.code === 'unreachable';
}
