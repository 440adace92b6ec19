import type { Approval, ApprovalKind } from '@reeve/contract';
import { deciderOf } from './decider.ts';

export interface DecisionWords {
  /** What is asked about, at the beginning of a sentence. */
  readonly about: string;
  /** What there is to know before it is decided. */
  readonly explanation: string | null;
  /** Names the input. */
  readonly input: string;
  readonly approve: string;
  readonly reject: string;
  /** A third way to decide. */
  readonly more: string | null;
  /** What a rejection does, as its dialog says it. */
  readonly rejection: string;
  /** What becomes of it where nobody decides in time. */
  readonly byDefault: { readonly approve: string; readonly reject: string };
}

/** What the three kinds of decisions are called. */
export const DECISION_WORDS: Readonly<Record<ApprovalKind, DecisionWords>> = {
  task: {
    about: 'A task',
    explanation: null,
    input: 'Payload',
    approve: 'Approve',
    reject: 'Reject',
    more: null,
    rejection: 'The task fails with it.',
    byDefault: { approve: 'approved', reject: 'rejected' },
  },
  tool_call: {
    about: 'A tool call',
    explanation: 'The agent asks before it makes this call, and goes on once it has an answer.',
    input: 'Arguments',
    approve: 'Approve',
    reject: 'Reject',
    more: 'Edit the input',
    rejection: 'The agent is told it, and goes on without the call.',
    byDefault: { approve: 'approved', reject: 'rejected' },
  },
  tool_outcome: {
    about: 'A tool call whose outcome is unknown',
    explanation:
      'The process stopped while this call was being made, so nobody knows whether it did anything. If it did, making it again does it twice. If you can find out what came of it, give its result.',
    input: 'Arguments',
    approve: 'Make the call again',
    reject: 'Skip it',
    more: 'Give its result',
    rejection: 'The agent is told that the outcome is unknown, and this with it, and goes on.',
    byDefault: { approve: 'made again', reject: 'skipped' },
  },
};

/** How a decision came out, and by whom. */
export function outcomeText(approval: Approval): string {
  const { kind, status, edited_input: edited, result } = approval;
  if (status === 'withdrawn') return 'Withdrawn';
  const by = `by ${deciderOf(approval)}`;
  if (kind === 'tool_outcome')
    return status === 'rejected' ? `Skipped ${by}` : result !== null ? `Result given ${by}` : `Made again ${by}`;
  if (status === 'rejected') return `Rejected ${by}`;
  return edited === null ? `Approved ${by}` : `Approved with another input ${by}`;
}
