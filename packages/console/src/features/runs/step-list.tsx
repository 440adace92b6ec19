import { Button } from '@mantine/core';
import type { Step } from '@reeve/contract';
import { useInfiniteQuery } from '@tanstack/react-query';
import { stepsQuery } from '../../api/runs.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Facts } from '../../ui/facts.tsx';
import { formatCost, formatCount, formatDate, formatDuration } from '../../ui/format.ts';
import { RightIcon, ThinkingIcon, ToolIcon } from '../../ui/icons.ts';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { Status, statusName, type StatusName } from '../../ui/status.tsx';
import { TextBlock } from '../../ui/text-block.tsx';
import classes from './step-list.module.css';
import { stepSpans, type StepSpan } from './step-times.ts';

interface StepListProps {
  readonly runId: string;
  readonly live: boolean;
}

/** The steps of a run in order, each with its place in the run's time; input and output on opening. */
export function StepList({ runId, live }: StepListProps) {
  const query = useInfiniteQuery(stepsQuery(runId, live));
  const steps = query.data?.pages.flatMap((page) => page.steps) ?? [];
  const total = query.data?.pages[0]?.total ?? 0;
  const spans = stepSpans(steps, query.dataUpdatedAt);
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
        <ol className={classes.list}>
          {steps.map((step, index) => (
            <StepRow key={step.number} step={step} span={spans[index]} live={live} />
          ))}
        </ol>
      )}
      {query.hasNextPage && (
        <Button
          variant="default"
          size="xs"
          mt="sm"
          loading={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          Show more steps
        </Button>
      )}
    </section>
  );
}

function StepRow({
  step,
  span,
  live,
}: {
  readonly step: Step;
  readonly span: StepSpan | undefined;
  readonly live: boolean;
}) {
  const Icon = step.kind === 'tool' ? ToolIcon : ThinkingIcon;
  return (
    <li>
      <details className={classes.step}>
        <summary className={classes.row}>
          <RightIcon size={16} className={classes.chevron} />
          <span className={classes.number}>{step.number}</span>
          <span className={classes.name}>
            <Icon size={16} /> <code>{step.name}</code>
          </span>
          <span className={classes.time} aria-hidden="true">
            {span !== undefined && (
              <span
                style={{ marginLeft: `${span.from * 100}%`, width: `max(2px, ${span.width * 100}%)` }}
                data-kind={step.kind}
              />
            )}
          </span>
          <span className={classes.duration}>{span?.durationMs == null ? '' : formatDuration(span.durationMs)}</span>
          <span className={classes.outcome}>
            <Status status={outcomeOf(step, live)} />
          </span>
        </summary>
        <div className={classes.body}>
          <Facts
            facts={[
              ['Kind', step.kind === 'tool' ? 'Tool call' : 'Model call'],
              ['Attempt', formatCount(step.attempt)],
              [
                'Tokens',
                step.input_tokens === null
                  ? null
                  : `${formatCount(step.input_tokens)} in · ${formatCount(step.output_tokens ?? 0)} out`,
              ],
              ['Cost', step.cost_usd === null ? null : formatCost(step.cost_usd)],
              ['Started', formatDate(step.started_at)],
              ['Ended', step.ended_at === null ? null : formatDate(step.ended_at)],
            ]}
          />
          <TextBlock label="Input" value={step.input} />
          {step.status === 'settled' && <TextBlock label="Output" value={step.output} />}
        </div>
      </details>
    </li>
  );
}

function outcomeOf(step: Step, live: boolean): StatusName {
  if (step.status === 'pending') return !live ? 'unknown' : step.attempt === 0 ? 'queued' : 'running';
  return step.outcome === null ? 'success' : statusName(step.outcome);
}
