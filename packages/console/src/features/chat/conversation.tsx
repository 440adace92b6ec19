import { ActionIcon, Button, Tooltip } from '@mantine/core';
import type { Run } from '@reeve/contract';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { messagesOf, sessionQuery } from '../../api/sessions.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { ToBottomIcon } from '../../ui/icons.ts';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import classes from './conversation.module.css';
import { isForgotten, turnsOf, withRuns, type Turn } from './transcript.ts';
import { SendingTurn, TurnView } from './turn-view.tsx';
import { useStickyScroll } from './use-sticky-scroll.ts';

interface ConversationProps {
  readonly sessionId: string;
  readonly runs: readonly Run[];
  /** Turns begun in this tab, which the server's answers may not hold yet. */
  readonly fresh: readonly Turn[];
  /** A prompt on its way. */
  readonly sending: string | undefined;
  /** The run to show and mark, from the address. */
  readonly runId: string | undefined;
  /** Whether a run has not ended. */
  readonly busy: boolean;
  /** Whether more is about to be said. */
  readonly working: boolean;
  /** The runs that wait for those before them to end. */
  readonly inLine: readonly string[];
  readonly onAgain: (prompt: string, files: readonly string[]) => void;
  readonly onTakeBack: (runId: string) => void;
  readonly onReconnect: () => void;
}

/** The turns of a session, newest in view; older ones are loaded on demand. */
export function Conversation({
  sessionId,
  runs,
  fresh,
  sending,
  runId,
  busy,
  working,
  inLine,
  onAgain,
  onTakeBack,
  onReconnect,
}: ConversationProps) {
  const session = useInfiniteQuery(sessionQuery(sessionId));
  const messages = messagesOf(session.data?.pages ?? []);
  const listed = turnsOf(messages);
  // Runs older than the oldest message in sight belong to pages that are not loaded.
  const oldest = session.hasNextPage ? Date.parse(messages[0]?.created_at ?? '') : 0;
  const turns = withFresh(
    withRuns(
      listed,
      runs.filter((run) => Date.parse(run.created_at) >= oldest),
    ),
    fresh.filter((turn) => !runs.some((run) => run.id === turn.runId && isForgotten(run, runs))),
  );
  const { ref, atEnd, onScroll, toEnd, toElement } = useStickyScroll(sessionId, listed[0]?.key);

  const missing = runId !== undefined && session.isSuccess && !turns.some((turn) => turn.runId === runId);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = session;
  useEffect(() => {
    if (missing && hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [missing, hasNextPage, isFetchingNextPage, fetchNextPage]);

  const found = runId !== undefined && session.isSuccess && !missing;
  useEffect(() => {
    const turn = found ? document.getElementById(`run-${runId}`) : null;
    if (turn !== null) toElement(turn);
  }, [found, runId, toElement]);

  const takeBackOf = (id: string | null): (() => void) | undefined =>
    id !== null && inLine.includes(id) ? () => onTakeBack(id) : undefined;

  return (
    <div className={classes.frame}>
      <div
        className={classes.scroll}
        ref={ref}
        onScroll={onScroll}
        tabIndex={0}
        role="region"
        aria-label="Conversation"
      >
        <div className={classes.column} role="log" aria-live="polite" aria-busy={working} aria-label="Messages">
          {session.hasNextPage && (
            <div className={classes.older}>
              <Button
                variant="default"
                size="xs"
                loading={session.isFetchingNextPage}
                onClick={() => void session.fetchNextPage()}
              >
                Show older messages
              </Button>
            </div>
          )}
          {session.isPending && turns.length === 0 && <SkeletonRows rows={4} height={72} label="Loading messages" />}
          {session.isError && turns.length === 0 && (
            <ErrorPanel
              title="The conversation could not be loaded"
              error={session.error}
              onRetry={() => void session.refetch()}
            />
          )}
          {session.isSuccess && turns.length === 0 && sending === undefined && (
            <p className={classes.none}>Nothing has been said in this session yet.</p>
          )}
          {turns.map((turn, index) => (
            <TurnView
              key={turn.key}
              turn={turn}
              run={runs.find((run) => run.id === turn.runId)}
              highlighted={turn.runId !== null && turn.runId === runId}
              onAgain={index === turns.length - 1 && sending === undefined && !busy ? onAgain : undefined}
              onReconnect={onReconnect}
              onTakeBack={takeBackOf(turn.runId)}
            />
          ))}
          {sending !== undefined && <SendingTurn prompt={sending} />}
        </div>
      </div>
      {!atEnd && (
        <Tooltip label="To the newest message">
          <ActionIcon
            className={classes.toEnd}
            variant="default"
            radius="xl"
            size="lg"
            aria-label="To the newest message"
            onClick={toEnd}
          >
            <ToBottomIcon size={18} />
          </ActionIcon>
        </Tooltip>
      )}
    </div>
  );
}

function withFresh(turns: readonly Turn[], fresh: readonly Turn[]): Turn[] {
  return [...turns, ...fresh.filter((turn) => !turns.some((known) => known.key === turn.key))];
}
