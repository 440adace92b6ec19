import type { Task, TaskDetail } from '@reeve/contract';
import { dim, printFields, printTable, shownTime, type Column } from '../output.ts';

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
export function printTaskDetail({ task, approval, runs, journal }: TaskDetail): void {
  printFields(Object.entries({ ...task, depends_on: task.depends_on.join('\n') }));
  if (approval !== null) {
    printTitle('approval');
    const { id, status, requested_by, requested_at, expires_at, default_decision, decided_by, decided_at, reason } =
      approval;
    const decision = { decided_by, decided_at, reason };
    const otherwise = { expires_at, default_decision };
    printFields(
      Object.entries({ id, status, requested_by, requested_at, ...(status === 'pending' ? otherwise : decision) }),
    );
  }
  if (runs.length > 0) {
    printTitle('runs');
    printTable(runs, [
      ['ID', ({ id }) => id],
      ['STATUS', ({ status }) => status],
      ['STEPS', ({ steps }) => steps],
      ['CREATED', ({ created_at }) => shownTime(created_at)],
      ['ERROR', ({ error }) => error?.message],
    ]);
  }
  if (journal.length > 0) {
    printTitle('journal');
    printTable(journal, [
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

function printTitle(title: string): void {
  process.stdout.write(`\n${dim(title)}\n`);
}
