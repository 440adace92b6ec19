import type { Approval, Step } from '@reeve/contract';
import { Button } from '@mantine/core';
import { useState } from 'react';
import { CallApproval } from '../approvals/call-approval.tsx';
import { Facts } from '../../ui/facts.tsx';
import { firstLine, formatCost, formatCount, formatDate, formatDuration } from '../../ui/format.ts';
import { ForkIcon, RightIcon } from '../../ui/icons.ts';
import { MarkdownBlock } from '../../ui/markdown-block.tsx';
import { Status } from '../../ui/status.tsx';
import { TextBlock } from '../../ui/text-block.tsx';
import { AttachmentList } from '../files/attachment-list.tsx';
import { RunLink } from './run-link.tsx';
import { madeFilesOf, outcomeOf, STEP_KINDS, wordsOf } from './step-kinds.ts';
import classes from './step-list.module.css';
import type { StepSpan } from './step-times.ts';

interface StepRowProps {
  readonly step: Step;
  /** Undefined for a step of another run: its time lies elsewhere. */
  readonly span: StepSpan | undefined;
  readonly live: boolean;
  /** What people were asked about it last. */
  readonly approval: Approval | undefined;
  /** Opens the way to a fork; undefined where nothing can go on from here. */
  readonly onFork: (() => void) | undefined;
}

/** A step: its place in the run's time and its outcome in a row, what went in and came out on opening. */
export function StepRow({ step, span, live, approval, onFork }: StepRowProps) {
  // The files of a step that is closed are not fetched.
  const [open, setOpen] = useState(false);
  const { name, icon: Icon } = STEP_KINDS[step.kind];
  const words = wordsOf(step);
  const asked = approval?.status === 'pending';
  return (
    <li data-step={step.number}>
      <details className={classes.step} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary className={classes.row}>
          <RightIcon size={16} className={classes.chevron} />
          <span className={classes.number}>{step.number}</span>
          <span className={classes.name}>
            <Icon size={16} />
            {step.kind === 'model' || step.kind === 'tool' ? <code>{step.name}</code> : <span>{name}</span>}
          </span>
          {words === undefined ? (
            <span className={classes.time} aria-hidden="true" data-elsewhere={span === undefined || undefined}>
              {span !== undefined && (
                <span
                  style={{ marginLeft: `${span.from * 100}%`, width: `max(2px, ${span.width * 100}%)` }}
                  data-kind={step.kind}
                />
              )}
            </span>
          ) : (
            <span className={classes.words}>{firstLine(words.text)}</span>
          )}
          <span className={classes.duration}>
            {step.kind === 'message' || span?.durationMs == null ? '' : formatDuration(span.durationMs)}
          </span>
          <span className={classes.outcome}>
            {step.kind !== 'message' && (
              <Status status={outcomeOf(step, live, asked)} {...(asked && { text: 'Waits for you' })} />
            )}
          </span>
        </summary>
        <div className={classes.body}>
          <StepFacts step={step} messages={words?.messages ?? null} />
          {words === undefined ? (
            <>
              <TextBlock label="Input" value={step.input} />
              {step.status === 'settled' && <TextBlock label="Output" value={step.output} />}
              {open && <AttachmentList files={madeFilesOf(step)} side="left" />}
            </>
          ) : step.kind === 'message' ? (
            <TextBlock label="Message" value={words.text} />
          ) : (
            <MarkdownBlock label="Summary" text={words.text} />
          )}
          {onFork !== undefined && (
            <div>
              <Button size="xs" variant="default" leftSection={<ForkIcon size={15} />} onClick={onFork}>
                Fork from here
              </Button>
            </div>
          )}
        </div>
      </details>
      {approval !== undefined && approval.run_id !== null && (
        <CallApproval runId={approval.run_id} approvalId={approval.id} tool={step.name} />
      )}
    </li>
  );
}

function StepFacts({ step, messages }: { readonly step: Step; readonly messages: number | null }) {
  return (
    <Facts
      facts={[
        ['Kind', STEP_KINDS[step.kind].name],
        ['Stands for', messages === null ? null : `the first ${formatCount(messages)} messages`],
        ['Attempt', step.kind === 'message' ? null : formatCount(step.attempt)],
        ['Child run', step.child_run_id === null ? null : <RunLink key="c" runId={step.child_run_id} />],
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
  );
}
