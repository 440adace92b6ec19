import { useQuery } from '@tanstack/react-query';
import { Suspense } from 'react';
import { runApprovalsQuery } from '../../api/approvals.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { lazyPart } from '../../ui/lazy-part.ts';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { ApprovalOutcome } from './approval-outcome.tsx';
import classes from './call-approval.module.css';

const ApprovalBody = lazyPart(async () => (await import('./approval-body.tsx')).ApprovalBody);

interface CallApprovalProps {
  readonly runId: string;
  readonly approvalId: string;
  readonly tool: string;
}

/** What people are asked about a tool call, beside the call itself, or what they said. */
export function CallApproval({ runId, approvalId, tool }: CallApprovalProps) {
  // What was read before may be older than this question.
  const query = useQuery({ ...runApprovalsQuery(runId), refetchOnMount: 'always' });
  const approval = query.data?.find(({ id }) => id === approvalId);
  return (
    <section className={classes.decision} aria-label={`Decision about ${tool}`}>
      {approval !== undefined ? (
        approval.status === 'pending' ? (
          <Suspense fallback={<Waiting />}>
            <ApprovalBody approval={approval} />
          </Suspense>
        ) : (
          <ApprovalOutcome approval={approval} />
        )
      ) : query.isError ? (
        <ErrorPanel title="The question could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
      ) : query.isFetching ? (
        <Waiting />
      ) : (
        <p className={classes.gone}>The question was withdrawn.</p>
      )}
    </section>
  );
}

const Waiting = () => <SkeletonRows rows={1} height={90} label="Loading the question" />;
