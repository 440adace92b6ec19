import type { Approval, ApprovalKind } from '@reeve/contract';
import { printFields, shownTime, type Column } from '../output.ts';
import type { CommandIo } from '../io.ts';

/** What is asked, and what each answer to it does. */
const MEANING: Readonly<Record<ApprovalKind, string>> = {
  task: 'May this task start?\napprove  it does\nreject   it ends as failed',
  tool_call: `May this call be made?
approve  it is made; with --input with that input instead
reject   it is not made, and the agent is told so, with the reason`,
  tool_outcome: `The process stopped while this call ran, so nobody knows whether it took effect. Look at what it did, if you can.
approve                  make the call again: what it does may then have happened twice
approve --result <json>  make no call: this is what it came to
reject                   make no call: the agent is told that the outcome is unknown, with the reason`,
};

export const APPROVAL_COLUMNS: readonly Column<Approval>[] = [
  ['ID', ({ id }) => id],
  ['KIND', ({ kind }) => kind],
  ['AGENT', ({ agent_id }) => agent_id],
  ['TOOL', ({ tool }) => tool],
  ['SINCE', ({ requested_at }) => shownTime(requested_at)],
  ['UNTIL', shownUntil],
  ['TITLE', ({ kind, title, input }) => (kind === 'task' ? title : JSON.stringify(input))],
];

/** Of those that are decided. */
export const DECIDED_COLUMNS: readonly Column<Approval>[] = [
  ['ID', ({ id }) => id],
  ['KIND', ({ kind }) => kind],
  ['AGENT', ({ agent_id }) => agent_id],
  ['TOOL', ({ tool }) => tool],
  ['DECIDED', ({ decided_at }) => shownTime(decided_at)],
  ['BY', ({ decided_by }) => decided_by],
  ['REASON', ({ reason }) => reason],
];

/** Shows an approval on a terminal; while it waits, with what each answer would do. */
export function printApproval(io: CommandIo, approval: Approval): void {
  const asks = approval.status === 'pending' && { asks: MEANING[approval.kind] };
  printFields(io, Object.entries({ ...approval, ...asks }));
}

/** The commands that decide something, one a line. */
export function howToDecide(id: string, kind: ApprovalKind): string {
  const approve = `reeve approvals approve ${id}`;
  const reject = `reeve approvals reject ${id} [--reason <text>]`;
  if (kind !== 'tool_outcome') return `${approve}${kind === 'tool_call' ? ' [--input <json>]' : ''}\n${reject}`;
  return [
    `${approve}  (calls it again: what it does may then have happened twice)`,
    `${approve} --result <json>  (calls nothing: that is what it came to)`,
    `${reject}  (calls nothing: the agent is told that the outcome is unknown)`,
  ].join('\n');
}

/** What was decided, in words that say what follows from it. */
export function shownDecision({ kind, status, tool, edited_input, result }: Approval): string {
  const approved = status === 'approved';
  if (kind === 'task') return approved ? 'the task goes on' : 'the task has failed';
  if (kind === 'tool_call') {
    if (!approved) return `${tool} is not called, and the agent is told so`;
    return edited_input === null ? `${tool} is called` : `${tool} is called with the changed input`;
  }
  if (!approved) return `${tool} is not called again, and the agent is told that the outcome is unknown`;
  return result === null ? `${tool} is called again` : `${tool} is not called again, and its result is the given one`;
}

function shownUntil({ status, expires_at, default_decision }: Approval): string {
  return status === 'pending' && expires_at !== null ? `${shownTime(expires_at)}, then ${default_decision}` : '';
}
