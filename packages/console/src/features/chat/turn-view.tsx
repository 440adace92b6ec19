import { Button } from '@mantine/core';
import type { Run, Usage } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { formatCount, formatDuration, shortId } from '../../ui/format.ts';
import { RetryIcon, RightIcon, ThinkingIcon } from '../../ui/icons.ts';
import { Mark } from '../../ui/mark.tsx';
import { Markdown } from '../../ui/markdown.tsx';
import { Status } from '../../ui/status.tsx';
import { usageText } from '../../ui/usage-text.ts';
import { AttachmentList } from '../files/attachment-list.tsx';
import { liveRunQuery, type LiveRun } from './run-streams.ts';
import type { RunView, ViewItem } from './run-view.ts';
import { ToolCard } from './tool-card.tsx';
import type { Turn } from './transcript.ts';
import classes from './turn-view.module.css';

interface TurnViewProps {
  readonly turn: Turn;
  /** The turn's run as the server lists it; undefined while unknown. */
  readonly run: Run | undefined;
  readonly highlighted: boolean;
  /** Sends a prompt again as a new run; undefined while that is not possible. */
  readonly onAgain: ((prompt: string, files: readonly string[]) => void) | undefined;
  readonly onReconnect: () => void;
  /** Takes the message out of the line; set while it waits for the runs before it. */
  readonly onTakeBack: (() => void) | undefined;
}

/** One exchange: the prompt, then the run's text, thinking and tools, live where this tab follows it. */
export function TurnView({ turn, run, highlighted, onAgain, onReconnect, onTakeBack }: TurnViewProps) {
  const live = useQuery({ ...liveRunQuery(turn.runId ?? ''), enabled: false }).data;
  // The events of a fork tell only what it did itself; its messages, once there are any, what it shares too.
  const told = run?.forked_from != null && turn.items.length > 0 ? undefined : live;
  const items = told !== undefined && told.view.lastSeq > 0 ? told.view.items : turn.items;
  const outcome = outcomeOf(live, run);
  const prompt = turn.prompt;
  return (
    <article
      className={classes.turn}
      data-highlighted={highlighted || undefined}
      id={turn.runId === null ? undefined : `run-${turn.runId}`}
    >
      {prompt !== null && (
        <div className={classes.prompt}>
          <h2 className={classes.who}>You</h2>
          {prompt !== '' && <Prompt text={prompt} />}
          <AttachmentList files={turn.attachments} side="right" />
        </div>
      )}
      <div className={classes.answer}>
        <h2 className={classes.who}>
          <Mark size={15} /> {live?.view.agent ?? run?.agent ?? 'Agent'}
        </h2>
        {run?.forked_from != null && run.fork_step !== null && run.fork_step > 1 && (
          <p className={classes.notice}>
            Goes on from step {run.fork_step} of{' '}
            <Link to="/runs/$runId" params={{ runId: run.forked_from }}>
              run {shortId(run.forked_from)}
            </Link>
            .
          </p>
        )}
        {items.map((item, index) => (
          <Item key={keyOf(item, index)} item={item} runId={turn.runId} />
        ))}
        {outcome.status === 'running' && live?.lost == null && (
          <Progress begun={items.length > 0} waiting={waitingOf(live, run)} onTakeBack={onTakeBack} />
        )}
        {live?.lost != null && outcome.status === 'running' && (
          <ErrorPanel title="The run goes on, but this page lost its stream" error={live.lost} onRetry={onReconnect} />
        )}
        {outcome.status === 'cancelled' && (
          <div>
            <Status status="cancelled" text="Stopped" />
          </div>
        )}
        {outcome.status === 'failed' && (
          <ErrorPanel title="The run failed" error={new Error(outcome.error ?? 'no reason was recorded')} />
        )}
        {(outcome.status === 'failed' || outcome.status === 'cancelled') &&
          prompt !== null &&
          onAgain !== undefined && (
            <div>
              <Button
                size="xs"
                variant="default"
                leftSection={<RetryIcon size={14} />}
                onClick={() =>
                  onAgain(
                    prompt,
                    turn.attachments.map(({ path }) => path),
                  )
                }
              >
                Ask again
              </Button>
            </div>
          )}
        {turn.runId !== null && outcome.status !== 'running' && (
          <footer className={classes.foot}>
            {outcome.usage !== null && <span>{usageText(outcome.usage)}</span>}
            {outcome.durationMs !== null && <span>{formatDuration(outcome.durationMs)}</span>}
            <Link to="/runs/$runId" params={{ runId: turn.runId }}>
              Steps of this run
            </Link>
          </footer>
        )}
      </div>
    </article>
  );
}

interface ProgressProps {
  readonly begun: boolean;
  readonly waiting: Waiting | null;
  readonly onTakeBack: (() => void) | undefined;
}

/** What a run that has not ended does, or waits for. */
function Progress({ begun, waiting, onTakeBack }: ProgressProps) {
  if (onTakeBack !== undefined)
    return (
      <div className={classes.waiting}>
        <Status status="queued" text="In line, behind the run before it" />
        <Button size="compact-xs" variant="default" onClick={onTakeBack}>
          Take it back
        </Button>
      </div>
    );
  if (waiting?.for === 'budget')
    return (
      <div className={classes.waiting}>
        <Status status="waiting" text="Waits for room in a budget" />
        {waiting.message !== null && <span>{waiting.message}.</span>}
        <Link to="/admin/usage">Budgets</Link>
      </div>
    );
  return (
    <div className={classes.working}>
      {waiting?.for === 'approval' ? (
        <Status status="waiting" text="Waits for a decision, and goes on then" />
      ) : waiting?.for === 'dependencies' ? (
        <Status status="running" text="Other agents work for it" />
      ) : waiting?.for === 'caller' ? (
        <Status status="waiting" text="Waits for its caller, whose tool it called" />
      ) : waiting?.for === 'model' ? (
        <Status status="waiting" text="Its model takes no calls at the moment; it asks again by itself" />
      ) : (
        <Status status="running" text={begun ? 'Working' : 'Starting'} />
      )}
    </div>
  );
}

/** A prompt on its way: the server has not answered yet. */
export function SendingTurn({ prompt }: { readonly prompt: string }) {
  return (
    <article className={classes.turn}>
      <div className={classes.prompt}>
        <h2 className={classes.who}>You</h2>
        <Prompt text={prompt} />
      </div>
      <div className={classes.working}>
        <Status status="running" text="Sending" />
      </div>
    </article>
  );
}

const PROMPT_CHARACTERS = 1_500;
const CODE_FENCE = /^ {0,3}(`{3}|~{3})/m;

/** What a person wrote: letter by letter as they wrote it, or as markdown where they marked code. */
function Prompt({ text }: { readonly text: string }) {
  const [open, setOpen] = useState(false);
  const long = text.length > PROMPT_CHARACTERS;
  const shown = long && !open ? `${text.slice(0, PROMPT_CHARACTERS)}…` : text;
  return (
    <div className={classes.asked}>
      {CODE_FENCE.test(text) ? <Markdown text={shown} /> : <p>{shown}</p>}
      {long && (
        <button type="button" className={classes.more} aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? 'Show less' : `Show all ${formatCount(text.length)} characters`}
        </button>
      )}
    </div>
  );
}

function Item({ item, runId }: { readonly item: ViewItem; readonly runId: string | null }) {
  switch (item.kind) {
    case 'text':
      return <Markdown text={item.text} />;
    case 'notice':
      return <p className={classes.notice}>{item.text}</p>;
    case 'tool':
      return <ToolCard tool={item} runId={runId} />;
    case 'said':
      return (
        <div className={classes.prompt}>
          <Prompt text={item.text} />
        </div>
      );
    case 'thinking':
      return (
        <details className={classes.thinking}>
          <summary>
            <RightIcon size={14} />
            <ThinkingIcon size={16} /> Thinking
          </summary>
          <p>{item.text}</p>
        </details>
      );
  }
}

function keyOf(item: ViewItem, index: number): string {
  return item.kind === 'tool' ? `tool-${item.id}` : `${item.kind}-${item.step}-${index}`;
}

interface Waiting {
  readonly for: NonNullable<RunView['waiting']>['for'];
  readonly message: string | null;
}

/** What the run is put aside for: the stream knows it first, the list where nobody reads the stream. */
function waitingOf(live: LiveRun | undefined, run: Run | undefined): Waiting | null {
  if (live !== undefined && live.view.lastSeq > 0) return live.view.waiting;
  return run?.waiting_for == null ? null : { for: run.waiting_for, message: null };
}

interface Outcome {
  /** null while nothing is known of the run. */
  readonly status: 'running' | 'completed' | 'failed' | 'cancelled' | null;
  readonly usage: Usage | null;
  readonly durationMs: number | null;
  readonly error: string | null;
}

/** The stream knows first how a run ended; the list knows it for runs that were not followed. */
function outcomeOf(live: LiveRun | undefined, run: Run | undefined): Outcome {
  const view = live !== undefined && live.view.lastSeq > 0 ? live.view : undefined;
  const listed = run === undefined ? null : run.status === 'queued' ? 'running' : run.status;
  return {
    status: view !== undefined && view.status !== 'running' ? view.status : (listed ?? view?.status ?? null),
    usage: view?.usage ?? run?.usage ?? null,
    durationMs: view?.durationMs ?? run?.duration_ms ?? null,
    error: view?.error?.message ?? run?.error?.message ?? null,
  };
}
