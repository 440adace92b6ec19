import type { Approval } from '@reeve/contract';
import { Ago } from '../../ui/ago.tsx';
import { Status } from '../../ui/status.tsx';
import classes from './approval-body.module.css';
import { outcomeText } from './decision-words.ts';

/** How a decision came out, when, by whom and why. */
export function ApprovalOutcome({ approval }: { readonly approval: Approval }) {
  const { status, reason, decided_at: at } = approval;
  return (
    <p className={classes.outcome}>
      <Status
        status={status === 'approved' ? 'approved' : status === 'rejected' ? 'rejected' : 'cancelled'}
        text={outcomeText(approval)}
      />
      {at !== null && <Ago time={at} />}
      {reason !== null && reason !== '' && <q>{reason}</q>}
    </p>
  );
}
