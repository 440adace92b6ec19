import { routes, type DueSchedule } from '@reeve/contract';
import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { EXIT } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { examples, exitWith } from '../options.ts';
import { note, printJson, printTable, shownTime, wantsJson, type Column, type OutputOptions } from '../output.ts';

interface DueOptions extends OutputOptions {
  readonly dryRun?: true;
}

const HELP = `
What "reeve serve" does by itself at each due time. Each due time makes one task, however many do this at once. With --dry-run
nothing is changed: it tells what would be done now. The exit code is 0, or where tasks could not be made 3, 1 if none could.`;

export function define(command: Command, io: CommandIo): void {
  command
    .option('--dry-run', 'only tell what is due')
    .option('--json', 'print one JSON document: {"due": [...]}')
    .addHelpText('after', HELP)
    .addHelpText('after', examples('reeve run-due-schedules --dry-run'))
    .action(exitWith(io, runDue));
}

async function runDue(io: CommandIo, options: DueOptions): Promise<number> {
  const dryRun = options.dryRun === true;
  await using connection = await connect(io, 'run-due-schedules');
  const answer = await connection.client.call(routes.runDueSchedules, { body: { dry_run: dryRun } });
  const { due } = answer;
  if (wantsJson(io, options)) printJson(io, answer);
  else if (due.length > 0) printTable(io, due, columns(dryRun));
  else note(io, 'nothing is due');
  if (!dryRun && connection.server === undefined && due.some(({ task_id }) => task_id !== null) && !options.json)
    note(io, 'the tasks wait in the queue; work on them with "reeve run-once", or start "reeve serve"');
  const failed = due.filter(({ action, task_id }) => action === 'fire' && task_id === null).length;
  if (dryRun || failed === 0) return EXIT.done;
  note(io, `reeve: ${failed} could not be made; "reeve schedules show" says why`);
  return failed === due.length ? EXIT.failed : EXIT.partly;
}

function columns(dryRun: boolean): Column<DueSchedule>[] {
  return [
    ['DUE', ({ due_at }) => shownTime(due_at)],
    ['SCHEDULE', ({ schedule_id }) => schedule_id],
    ['ACTION', ({ action }) => action],
    ...(dryRun ? [] : [['TASK', ({ task_id }) => task_id] satisfies Column<DueSchedule>]),
    ['TITLE', ({ title }) => title],
  ];
}
