import { Button } from '@mantine/core';
import type { Step } from '@reeve/contract';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Fragment, useState } from 'react';
import { runApprovalsQuery } from '../../api/approvals.ts';
import { stepsQuery } from '../../api/runs.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { formatCount, shortId } from '../../ui/format.ts';
import { ForkIcon } from '../../ui/icons.ts';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { ShowMore } from '../../ui/show-more.tsx';
import { ForkDialog } from './fork-dialog.tsx';
import { callerOf, forkMessage } from './fork-rule.ts';
import classes from './step-list.module.css';
import { StepRow } from './step-row.tsx';
import { stepSpans } from './step-times.ts';

interface StepListProps {
  readonly runId: string;
  readonly live: boolean;
}

/** The steps of a run in order, those first that it shares with another; each can be forked from. */
export function StepList({ runId, live }: StepListProps) {
  const query = useInfiniteQuery(stepsQuery(runId, live));
  const steps = query.data?.pages.flatMap((page) => page.steps) ?? [];
  const total = query.data?.pages[0]?.total ?? 0;
  const [forking, setForking] = useState<number>();
  const message = forking === undefined ? undefined : forkMessage(steps, forking);
  const canEnd = !query.hasNextPage && forkMessage(steps, steps.length + 1) === 'required';
  return (
    <section aria-labelledby="steps">
      <h2 id="steps" className={classes.title}>
        Steps {total > 0 && <span>{formatCount(total)}</span>}
      </h2>
      {query.isPending && <SkeletonRows rows={4} height={44} label="Loading steps" />}
      {query.isError && steps.length === 0 && (
        <ErrorPanel title="The steps could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
      )}
      {query.isSuccess && steps.length === 0 && (
        <p className={classes.none}>{live ? 'The first step has not begun yet.' : 'This run took no step.'}</p>
      )}
      {steps.length > 0 && (
        <Rows runId={runId} steps={steps} live={live} now={query.dataUpdatedAt} onFork={setForking} />
      )}
      <div className={classes.after}>
        <ShowMore query={query} size="xs">
          Show more steps
        </ShowMore>
        {canEnd && (
          <Button
            variant="default"
            size="xs"
            leftSection={<ForkIcon size={15} />}
            onClick={() => setForking(steps.length + 1)}
          >
            Fork after the answer
          </Button>
        )}
      </div>
      {forking !== undefined && message !== undefined && (
        <ForkDialog
          runId={runId}
          from={forking}
          message={message}
          caller={callerOf(steps, forking)}
          onClose={() => setForking(undefined)}
        />
      )}
    </section>
  );
}

interface RowsProps {
  readonly runId: string;
  readonly steps: readonly Step[];
  readonly live: boolean;
  readonly now: number;
  readonly onFork: (from: number) => void;
}

function Rows({ runId, steps, live, now, onFork }: RowsProps) {
  const approvals = useQuery({
    ...runApprovalsQuery(runId),
    enabled: steps.some(({ kind, run_id: owner }) => kind === 'tool' && owner === runId),
  }).data;
  const own = steps.filter((step) => step.run_id === runId);
  const spans = stepSpans(own, now);
  return (
    <ol className={classes.list}>
      {steps.map((step, index) => (
        <Fragment key={step.number}>
          {step.run_id !== (steps[index - 1]?.run_id ?? runId) && <Border step={step} runId={runId} />}
          <StepRow
            step={step}
            span={spans[own.indexOf(step)]}
            live={live && step.run_id === runId}
            approval={approvals?.findLast((one) => step.run_id === runId && one.step === step.number)}
            onFork={forkMessage(steps, step.number) === undefined ? undefined : () => onFork(step.number)}
          />
        </Fragment>
      ))}
    </ol>
  );
}

/** Says whose the steps below are. */
function Border({ step, runId }: { readonly step: Step; readonly runId: string }) {
  return (
    <li className={classes.border}>
      {step.run_id === runId ? (
        'Made by this run'
      ) : (
        <>
          Shared with{' '}
          <Link to="/runs/$runId" params={{ runId: step.run_id }}>
            run {shortId(step.run_id)}
          </Link>
        </>
      )}
    </li>
  );
}
