import type { ReactNode } from 'react';
import { Empty } from './empty.tsx';
import { ErrorPanel } from './error-panel.tsx';
import classes from './matches.module.css';
import { SkeletonRows } from './skeleton-rows.tsx';

interface Found<Item> {
  readonly data: readonly Item[] | undefined;
  readonly isPending: boolean;
  readonly isError: boolean;
  readonly error: Error | null;
  readonly refetch: () => Promise<unknown>;
}

interface MatchesProps<Item> {
  readonly query: Found<Item>;
  /** What is said where nothing was found. */
  readonly nothing: string;
  /** What is said beside how many there are. */
  readonly note: string;
  readonly children: (match: Item, index: number) => ReactNode;
}

/** What a search found, best first. */
export function Matches<Item>({ query, nothing, note, children }: MatchesProps<Item>) {
  const { data, isPending, isError, error, refetch } = query;
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
      {data !== undefined && (
        <p className={classes.count} role="status">
          {data.length === 0 ? 'No match' : data.length === 1 ? '1 match' : `${data.length} matches`}
          {data.length > 0 && <span> · {note}</span>}
        </p>
      )}
      {data?.length === 0 && <Empty title={nothing} />}
      {data !== undefined && data.length > 0 && <MatchList label="Matches">{data.map(children)}</MatchList>}
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
