import { createInterface, type Interface } from 'node:readline';
import { Multitask, type RunEvent } from '@reeve/contract';
import { Option } from 'commander';
import { createAsker } from './approval-question.ts';
import type { Connection } from '../connect.ts';
import { EXIT } from '../failure.ts';
import type { CommandIo } from '../io.ts';
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
  io: CommandIo,
  connection: Connection,
  events: RunEvents,
  { json }: OutputOptions,
  lines?: Interface,
): Promise<Followed> {
  const asks = io.stdin.isTTY === true && io.stderr.isTTY === true && json !== true;
  const leave = new AbortController();
  const view = createRunView(io, { asks, quiet: json === true });
  const later = () => leave.abort();
  const typed =
    lines === undefined ? { open: () => openLines(io), close } : { open: () => lines, close: () => undefined };
  const show = asks ? createAsker(io, connection.client, view, { ...typed, later }) : view;
  let followed: Followed;
  {
    await using work = createRunWork(connection, asks, later);
    const both = (event: RunEvent) => {
      show(event);
      work.hear(event);
    };
    followed = await runToEnd(io, connection.client, events(leave.signal), both, leave.signal);
  }
  if (followed.left) tellLeft(io, connection, followed);
  return followed;
}

/** Follows a run, prints what it came to, and answers the exit code. */
export async function showRun(
  io: CommandIo,
  connection: Connection,
  events: RunEvents,
  options: OutputOptions,
): Promise<number> {
  const { summary, interrupted, left } = await followRun(io, connection, events, options);
  if (options.json) {
    printJson(io, summary);
  } else if (!left) {
    if (!io.stdout.isTTY && summary.result !== null) printText(io, summary.result);
    tellUsage(io, summary);
  }
  if (summary.status === 'completed') return EXIT.done;
  if (!options.json && !left) tellFailure(io, summary);
  return interrupted ?? EXIT.failed;
}

function tellLeft(io: CommandIo, { server, config }: Connection, { summary: { run_id } }: Followed): void {
  const worked = server !== undefined || config.databaseUrl !== undefined;
  const how = worked ? '' : ' "reeve run-once" works on it once it can go on;';
  note(io, `reeve: run ${run_id} waits, and was left.${how} "reeve runs events ${run_id}" shows it`);
}

function openLines(io: CommandIo): Interface {
  const lines = createInterface({ input: io.stdin, output: io.stderr });
  // The keyboard's Ctrl-C does not reach the process as a signal while the lines are edited.
  lines.on('SIGINT', () => io.interrupt());
  return lines;
}

function close(lines: Interface): void {
  lines.close();
}
