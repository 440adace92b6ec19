import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { MEMORIES_PER_PAGE, memoriesQuery } from '../../api/memory.ts';
import { Empty } from '../../ui/empty.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { formatCount } from '../../ui/format.ts';
import { MatchList } from '../../ui/matches.tsx';
import { Pager } from '../../ui/pager.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import classes from './memory.module.css';
import { RecallView, type Recalled } from './recall-view.tsx';

interface MemoryListProps {
  /** Only what has it; undefined for all. */
  readonly tag: string | undefined;
  readonly offset: number;
  readonly refusal: string | undefined;
  readonly onOffset: (offset: number) => void;
  readonly onDelete: (memory: Recalled) => void;
}

/** All that is remembered, the newest first. */
export function MemoryList({ tag, offset, refusal, onOffset, onDelete }: MemoryListProps) {
  const query = useQuery(memoriesQuery(tag, offset));
  const memories = query.data?.memories ?? [];
  return (
    <>
      {query.isPending && <SkeletonRows rows={4} height={100} label="Loading what is remembered" />}
      {query.isError && (
        <ErrorPanel
          title={query.data === undefined ? 'What is remembered could not be loaded' : 'What you see may be old'}
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      )}
      {query.data !== undefined && memories.length === 0 && <NoMemories tag={tag} isPast={offset > 0} />}
      {query.data !== undefined && memories.length > 0 && (
        <>
          <p className={classes.count} role="status">
            {query.data.total === 1 ? '1 memory' : `${formatCount(query.data.total)} memories`}, the newest first
          </p>
          <MatchList label="Memories">
            {memories.map((memory, index) => {
              const item: Recalled = { ...memory, kind: 'memory' };
              return (
                <RecallView
                  key={memory.id}
                  item={item}
                  place={offset + index + 1}
                  refusal={refusal}
                  onDelete={() => onDelete(item)}
                />
              );
            })}
          </MatchList>
        </>
      )}
      {query.data !== undefined && (
        <Pager total={query.data.total} limit={MEMORIES_PER_PAGE} offset={offset} onOffset={onOffset} />
      )}
    </>
  );
}

function NoMemories({ tag, isPast }: { readonly tag: string | undefined; readonly isPast: boolean }) {
  if (tag === undefined && !isPast)
    return (
      <Empty title="Nothing is remembered yet. Agents with the tool remember write here what they want to know later." />
    );
  return (
    <Empty
      title={tag === undefined ? 'There are no more memories.' : `Nothing that is remembered has the tag “${tag}”.`}
    >
      <Link to="/admin/memory" search={{}}>
        Show all memories
      </Link>
    </Empty>
  );
}
