import type { Approval } from '@reeve/contract';
import { Link } from '@tanstack/react-router';
import { Ago } from '../../ui/ago.tsx';
import { ApprovalBody } from './approval-body.tsx';
import classes from './approvals-page.module.css';
import { DECISION_WORDS } from './decision-words.ts';

interface ApprovalCardProps {
  readonly approval: Approval;
  readonly agent: string;
}

/** One decision in the list of all: what it is about, who asks for it, and what there is to decide. */
export function ApprovalCard({ approval, agent }: ApprovalCardProps) {
  const { kind, tool, run_id: runId, task_id: taskId } = approval;
  return (
    <article className={classes.card} tabIndex={-1} data-row={approval.id} aria-label={approval.title}>
      <h2>
        {kind === 'tool_outcome' ? (
          <>
            What became of <code>{tool}</code>?
          </>
        ) : (
          approval.title
        )}
      </h2>
      <p className={classes.facts}>
        <span>
          {DECISION_WORDS[kind].about} of {agent}
          {kind !== 'task' && (
            <>
              : <code>{tool}</code>
            </>
          )}
        </span>
        <span>
          asked for <Ago time={approval.requested_at} />
          {kind === 'task' && approval.requested_by !== null && ` by ${approval.requested_by}`}
        </span>
        <Link to="/admin/agents/tasks" search={{ task: taskId }}>
          Task
        </Link>
        {runId !== null && (
          <Link to="/runs/$runId" params={{ runId }}>
            Run
          </Link>
        )}
      </p>
      <ApprovalBody approval={approval} />
    </article>
  );
}
