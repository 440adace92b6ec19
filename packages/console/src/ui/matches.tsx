import type { RecallBackend, Retrieval } from '@reeve/contract';
import type { ReactNode } from 'react';
import { Empty } from './empty.tsx';
import { ErrorPanel } from './error-panel.tsx';
import { firstLine } from './format.ts';
import classes from './matches.module.css';
import { SkeletonRows } from './skeleton-rows.tsx';

interface Found<Item> {
  readonly data: FoundOnce<Item> | undefined;
  readonly isPending: boolean;
  readonly isError: boolean;
  readonly error: Error | null;
  readonly refetch: () => Promise<unknown>;
}

interface FoundOnce<Item> {
  readonly matches: readonly Item[];
  readonly retrieval: Retrieval;
  /** Of what was remembered: who ranked it. */
  readonly backend?: RecallBackend;
}

interface MatchesProps<Item> {
  readonly query: Found<Item>;
  /** What is said where nothing was found. */
  readonly nothing: string;
  /** What was looked for. */
  readonly asked: string;
  readonly children: (match: Item, index: number) => ReactNode;
}

/** What a search found, best first. */
export function Matches<Item>({ query, nothing, asked, children }: MatchesProps<Item>) {
  const { data, isPending, isError, error, refetch } = query;
  const matches = data?.matches;
  return (
    <>
      {isPending && <SkeletonRows rows={3} height={120} label="Searching" />}
      {isError && (
        <ErrorPanel
          title={data === undefined ? 'The search failed' : 'What you see may be old'}
          error={error}
          onRetry={() => void refetch()}
        />
      )}
      {matches !== undefined && (
        <p className={classes.count} role="status">
          {matches.length === 0 ? 'No match' : matches.length === 1 ? '1 match' : `${matches.length} matches`}
          {matches.length > 0 && (
            <span>
              {' '}
              · found for “{firstLine(asked, 60)}” by its words{data?.retrieval === 'hybrid' && ' and what it means'},
              {data?.backend === 'external' && ' and by the external memory,'} best first
            </span>
          )}
          {data?.backend === 'fallback' && <span> · the external memory does not answer</span>}
        </p>
      )}
      {matches?.length === 0 && <Empty title={nothing} />}
      {matches !== undefined && matches.length > 0 && <MatchList label="Matches">{matches.map(children)}</MatchList>}
    </>
  );
}

/** Cards one below the other, each a list item. */
export function MatchList({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    <ol className={classes.matches} aria-label={label}>
      {children}
    </ol>
  );
}

/** How much a match says, as its search counts; scores of one search can be compared. */
export function Score({ score }: { readonly score: number }) {
  return (
    <span className={classes.score} title="Higher says more. Scores of one search can be compared.">
      score {score.toFixed(3)}
    </span>
  );
}
