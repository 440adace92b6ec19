import type { Approval } from '@reeve/contract';
import { Link } from '@tanstack/react-router';
import { Ago } from '../../ui/ago.tsx';
import { Status } from '../../ui/status.tsx';
import { TextBlock } from '../../ui/text-block.tsx';
import classes from './approvals-page.module.css';
import { DecisionForm } from './decision-form.tsx';
import { deciderOf } from './decider.ts';
import { TimeLeft } from './time-left.tsx';

interface ApprovalCardProps {
  readonly approval: Approval;
  readonly agent: string;
}

/** One decision: what it is about, who asks for it, how long it is waited for, or how it came out. */
export function ApprovalCard({ approval, agent }: ApprovalCardProps) {
  const { status, kind, run_id: runId, task_id: taskId } = approval;
  return (
    <article className={classes.card} tabIndex={-1} data-row={approval.id} aria-label={approval.title}>
      <header className={classes.head}>
        <h2>{approval.title}</h2>
        {status === 'pending' ? <DecisionForm approval={approval} /> : <Outcome approval={approval} />}
      </header>
      <p className={classes.facts}>
        <span>
          {kind === 'task' ? 'A task' : 'A tool call'} of {agent}
        </span>
        <span>
          asked for <Ago time={approval.requested_at} />
          {approval.requested_by !== null && ` by ${approval.requested_by}`}
        </span>
        {status === 'pending' && approval.expires_at !== null && (
          <span>
            <TimeLeft approval={approval} />
          </span>
        )}
        <Link to="/admin/agents/tasks" search={{ task: taskId }}>
          Task
        </Link>
        {runId !== null && (
          <Link to="/runs/$runId" params={{ runId }}>
            Run
          </Link>
        )}
      </p>
      <TextBlock label={kind === 'task' ? 'Payload' : 'Arguments'} value={approval.input} />
    </article>
  );
}

function Outcome({ approval }: { readonly approval: Approval }) {
  const { status, reason, decided_at: at } = approval;
  return (
    <span className={classes.outcome}>
      <Status
        status={status === 'approved' ? 'approved' : status === 'rejected' ? 'rejected' : 'cancelled'}
        text={
          status === 'withdrawn'
            ? 'Withdrawn'
            : `${status === 'approved' ? 'Approved' : 'Rejected'} by ${deciderOf(approval)}`
        }
      />
      {at !== null && <Ago time={at} />}
      {reason !== null && reason !== '' && <q>{reason}</q>}
    </span>
  );
}
