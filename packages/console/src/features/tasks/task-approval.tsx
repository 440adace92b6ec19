import type { Approval } from '@reeve/contract';
import { Ago } from '../../ui/ago.tsx';
import { DecisionForm } from '../approvals/decision-form.tsx';
import { deciderOf } from '../approvals/decider.ts';
import { TimeLeft } from '../approvals/time-left.tsx';
import classes from './task-details.module.css';

/** The decision that a task waits for, or that was made. */
export function TaskApproval({ approval }: { readonly approval: Approval }) {
  if (approval.status === 'withdrawn') return null;
  if (approval.status === 'pending')
    return (
      <section className={classes.approval} aria-label="Decision">
        <p>
          {approval.requested_by === null
            ? 'A decision is waited for.'
            : `${approval.requested_by} asks for a decision.`}{' '}
          <TimeLeft approval={approval} />
        </p>
        <DecisionForm approval={approval} />
      </section>
    );
  return (
    <p className={classes.description}>
      {approval.status === 'approved' ? 'Approved' : 'Rejected'} by {deciderOf(approval)}
      {approval.decided_at !== null && (
        <>
          {' '}
          <Ago time={approval.decided_at} />
        </>
      )}
      {approval.reason === null || approval.reason === '' ? '' : `: ${approval.reason}`}
    </p>
  );
}
