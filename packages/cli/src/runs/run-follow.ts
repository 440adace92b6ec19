import { createInterface, type Interface } from 'node:readline';
import { Multitask, type RunEvent } from '@reeve/contract';
import { Option } from 'commander';
import { createAsker } from './approval-question.ts';
import type { Connection } from '../connect.ts';
import { EXIT } from '../failure.ts';
import { note, printJson, printText, type OutputOptions } from '../output.ts';
import { runToEnd, type Followed } from './run-stream.ts';
import { createRunView, tellFailure, tellUsage } from './run-view.ts';
import { createRunWork } from './run-work.ts';

/** Starts a run, or follows one, until the signal aborts. */
export type RunEvents = (signal: AbortSignal) => AsyncIterable<RunEvent>;

/** The option of commands that start a run in a conversation: what becomes of it where that is busy. */
export function multitaskOption(): Option {
  return new Option(
    '--multitask <how>',
    'where the conversation is busy: wait, fail, stop that run, or undo it',
  ).choices(Multitask.options);
}

/**
 * Follows a run to its end as every command does that has one: shows it, asks the person at the terminal what the run asks,
 * and lets it go on in this process where no server works. Leaves a run that waits for what cannot come meanwhile.
 * `lines` are those that the person types already.
 */
export async function followRun(
  connection: Connection,
  events: RunEvents,
  { json }: OutputOptions,
  lines?: Interface,
): Promise<Followed> {
  const asks = process.stdin.isTTY && process.stderr.isTTY && json !== true;
  const leave = new AbortController();
  const view = createRunView({ asks, quiet: json === true });
  const later = () => leave.abort();
  const typed = lines === undefined ? { open: openLines, close } : { open: () => lines, close: () => undefined };
  const show = asks ? createAsker(connection.client, view, { ...typed, later }) : view;
  let followed: Followed;
  {
    await using work = createRunWork(connection, asks, later);
    const both = (event: RunEvent) => {
      show(event);
      work.hear(event);
    };
    followed = await runToEnd(connection.client, events(leave.signal), both, leave.signal);
  }
  if (followed.left) tellLeft(connection, followed);
  return followed;
}

/** Follows a run, prints what it came to, and answers the exit code. */
export async function showRun(connection: Connection, events: RunEvents, options: OutputOptions): Promise<number> {
  const { summary, interrupted, left } = await followRun(connection, events, options);
  if (options.json) {
    printJson(summary);
  } else if (!left) {
    if (!process.stdout.isTTY && summary.result !== null) printText(summary.result);
    tellUsage(summary);
  }
  if (summary.status === 'completed') return EXIT.done;
  if (!options.json && !left) tellFailure(summary);
  return interrupted ?? EXIT.failed;
}

function tellLeft({ server, config }: Connection, { summary: { run_id } }: Followed): void {
  const worked = server !== undefined || config.databaseUrl !== undefined;
  const how = worked ? '' : ' "reeve run-once" works on it once it can go on;';
  note(`reeve: run ${run_id} waits, and was left.${how} "reeve runs events ${run_id}" shows it`);
}

function openLines(): Interface {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  // The keyboard's Ctrl-C does not reach the process as a signal while the lines are edited.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  return lines;
}

function close(lines: Interface): void {
  lines.close();
}
