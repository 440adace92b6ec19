import type { Approval, Run, Step } from '@reeve/contract';
import { howToDecide } from './approval-view.ts';
import { dim, printable, printFields, printTable, printText, shownTime, type Column } from '../output.ts';
import { shownUsage } from './run-view.ts';
import type { CommandIo } from '../io.ts';

export const RUN_COLUMNS: readonly Column<Run>[] = [
  ['ID', ({ id }) => id],
  ['AGENT', ({ agent }) => agent],
  ['SOURCE', ({ door }) => door],
  ['STATUS', shownStatus],
  ['STEPS', ({ steps }) => steps],
  ['CREATED', ({ created_at }) => shownTime(created_at)],
  ['INPUT', ({ input }) => input],
];

/** Shows a run with its steps, and with what it waits for a decision on. */
export function printRunDetail(io: CommandIo, run: Run, steps: readonly Step[], approvals: readonly Approval[]): void {
  const { usage, tree_usage, error, children, ...fields } = run;
  const shown = {
    ...fields,
    root_run_id: run.root_run_id === run.id ? null : run.root_run_id,
    children: children.join('\n'),
    error: error && `${error.code}: ${error.message}`,
    usage: shownUsage(usage),
    tree_usage: tree_usage && shownUsage(tree_usage),
  };
  printFields(io, Object.entries(shown));
  if (steps.length > 0) {
    printText(io, '');
    printTable(io, steps, stepColumns(run, steps));
  }
  for (const { id, kind, title } of approvals)
    io.stdout.write(`\n${dim(printable(title), io.stdout)}\n${howToDecide(id, kind)}\n`);
}

/** The status, with what a run that was put aside waits for. */
export function shownStatus({ status, waiting_for }: Pick<Run, 'status' | 'waiting_for'>): string {
  return waiting_for === null ? status : `${status} (${waiting_for})`;
}

/** A column is there only where it says something. */
function stepColumns({ id, forked_from }: Run, steps: readonly Step[]): Column<Step>[] {
  const shared: Column<Step> = ['OF RUN', ({ run_id }) => (run_id === id ? '' : run_id)];
  const opened: Column<Step> = ['CHILD RUN', ({ child_run_id }) => child_run_id];
  return [
    ['STEP', ({ number }) => number],
    ...(forked_from === null ? [] : [shared]),
    ['KIND', ({ kind }) => kind],
    ['NAME', ({ name }) => name],
    ['OUTCOME', ({ status, outcome }) => outcome ?? status],
    ['IN', ({ input_tokens }) => input_tokens],
    ['OUT', ({ output_tokens }) => output_tokens],
    ['USD', ({ cost_usd }) => cost_usd],
    ...(steps.some(({ child_run_id }) => child_run_id !== null) ? [opened] : []),
    ['WHAT', shownStep],
  ];
}

function shownStep({ kind, input, output }: Step): string {
  if (kind === 'tool') return JSON.stringify(input);
  const { text, messages } = (output ?? {}) as { text?: string; messages?: number };
  if (kind === 'compaction') return messages === undefined ? '' : `of the first ${messages} messages: ${text}`;
  return text ?? '';
}
