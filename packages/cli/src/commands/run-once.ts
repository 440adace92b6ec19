import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { EXIT } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { onInterrupt } from '../interrupt.ts';
import { examples, exitWith, wholeNumber } from '../options.ts';
import { note, printJson, printTable, wantsJson, type OutputOptions } from '../output.ts';
import { PROCESSED_COLUMNS, workOnQueue } from '../tasks/queue-work.ts';

interface RunOnceOptions extends OutputOptions {
  readonly limit: number;
}

const HELP = `
Without a server this process takes up to --limit ready tasks, highest priority and oldest first, works on them at the same
time, and prints each with what became of it. A server works on the queue by itself: this then says so, and follows up to
--limit tasks that are in progress or ready right now until each has ended.

One attempt is made: a task that failed but will be tried again is shown as pending. The exit code is 0, or 3 if any task failed
or was cancelled. Ctrl-C lets go of the tasks: what is settled of them stays, and the next worker goes on from there.`;

export function define(command: Command, io: CommandIo): void {
  command
    .option('--limit <number>', 'how many tasks at most', wholeNumber(1, 100), 5)
    .option('--json', 'print one JSON document: {"processed": [...], "failed": n}')
    .addHelpText('after', HELP)
    .addHelpText('after', examples('reeve run-once --limit=5'))
    .action(exitWith(io, runOnce));
}

async function runOnce(io: CommandIo, options: RunOnceOptions): Promise<number> {
  await using connection = await connect(io, 'run-once');
  const stop = new AbortController();
  let interrupted: number | undefined;
  using _ = onInterrupt(io, (code) => {
    interrupted = code;
    stop.abort();
  });
  const { processed, failed } = await workOnQueue(connection, options.limit, stop.signal, (text) => note(io, text));
  if (wantsJson(io, options)) printJson(io, { processed, failed });
  else if (processed.length > 0) printTable(io, processed, PROCESSED_COLUMNS);
  else note(io, 'no task is ready');
  return interrupted ?? (failed > 0 ? EXIT.partly : EXIT.done);
}
