import type { Task, TaskDetail } from '@reeve/contract';
import { dim, printFields, printTable, shownTime, type Column } from '../output.ts';
import type { CommandIo } from '../io.ts';

export const TASK_COLUMNS: readonly Column<Task>[] = [
  ['ID', ({ id }) => id],
  ['AGENT', ({ agent_id }) => agent_id],
  ['TYPE', ({ task_type }) => task_type],
  ['STATUS', shownStatus],
  ['PRIO', ({ priority }) => priority],
  ['CREATED', ({ created_at }) => shownTime(created_at)],
  ['TITLE', ({ title }) => title],
];

/** Shows a task with its approval, its runs and its journal on a terminal. */
export function printTaskDetail(io: CommandIo, { task, approval, runs, journal }: TaskDetail): void {
  printFields(io, Object.entries({ ...task, depends_on: task.depends_on.join('\n') }));
  if (approval !== null) {
    printTitle(io, 'approval');
    const { id, status, requested_by, requested_at, expires_at, default_decision, decided_by, decided_at, reason } =
      approval;
    const decision = { decided_by, decided_at, reason };
    const otherwise = { expires_at, default_decision };
    printFields(
      io,
      Object.entries({ id, status, requested_by, requested_at, ...(status === 'pending' ? otherwise : decision) }),
    );
  }
  if (runs.length > 0) {
    printTitle(io, 'runs');
    printTable(io, runs, [
      ['ID', ({ id }) => id],
      ['STATUS', ({ status }) => status],
      ['STEPS', ({ steps }) => steps],
      ['CREATED', ({ created_at }) => shownTime(created_at)],
      ['ERROR', ({ error }) => error?.message],
    ]);
  }
  if (journal.length > 0) {
    printTitle(io, 'journal');
    printTable(io, journal, [
      ['WHEN', ({ created_at }) => shownTime(created_at)],
      ['WHAT', ({ type }) => type],
      ['BY', ({ actor }) => actor],
      ['SUMMARY', ({ summary }) => summary],
    ]);
  }
}

/** The status, with what a pending task waits for. */
export function shownStatus({ status, waiting_for }: Task): string {
  return waiting_for === null ? status : `${status} (${waiting_for})`;
}

function printTitle(io: CommandIo, title: string): void {
  io.stdout.write(`\n${dim(title, io.stdout)}\n`);
}
