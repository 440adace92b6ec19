import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { MEMORIES_PER_PAGE, memoriesQuery } from '../../api/memory.ts';
import { Empty } from '../../ui/empty.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { formatCount } from '../../ui/format.ts';
import { MatchList } from '../../ui/matches.tsx';
import { Pager } from '../../ui/pager.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import type { MemoryPageProps } from './view.ts';
import classes from './memory.module.css';
import { RecallView, type MemoryActions } from './recall-view.tsx';

interface MemoryListProps extends MemoryPageProps {
  readonly actions: MemoryActions;
}

/** All that is remembered, the newest first; narrowed down by a tag and a persona. */
export function MemoryList({ search, onSearch, actions }: MemoryListProps) {
  const { tag, persona, offset = 0 } = search;
  const query = useQuery(memoriesQuery({ tag, personaId: persona }, offset));
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
      {query.data !== undefined && memories.length === 0 && (
        <NoMemories tag={tag} isNarrowed={persona !== undefined} isPast={offset > 0} />
      )}
      {query.data !== undefined && memories.length > 0 && (
        <>
          <p className={classes.count} role="status">
            {query.data.total === 1 ? '1 memory' : `${formatCount(query.data.total)} memories`}, the newest first
          </p>
          <MatchList label="Memories">
            {memories.map((memory, index) => (
              <RecallView
                key={memory.id}
                item={{ ...memory, kind: 'memory' }}
                place={offset + index + 1}
                actions={actions}
              />
            ))}
          </MatchList>
        </>
      )}
      {query.data !== undefined && (
        <Pager
          total={query.data.total}
          limit={MEMORIES_PER_PAGE}
          offset={offset}
          onOffset={(next) => onSearch({ offset: next || undefined })}
        />
      )}
    </>
  );
}

interface NoMemoriesProps {
  readonly tag: string | undefined;
  /** Whether those of one persona alone are meant. */
  readonly isNarrowed: boolean;
  /** Whether a page is meant that has nothing on it any more. */
  readonly isPast: boolean;
}

function NoMemories({ tag, isNarrowed, isPast }: NoMemoriesProps) {
  if (tag === undefined && !isNarrowed && !isPast)
    return (
      <Empty title="Nothing is remembered yet. Agents with the tool remember write here what they want to know later." />
    );
  const title = isPast
    ? 'There are no more memories.'
    : tag !== undefined
      ? `Nothing that is remembered${isNarrowed ? ' there' : ''} has the tag “${tag}”.`
      : 'This persona remembers nothing yet.';
  return (
    <Empty title={title}>
      <Link to="/admin/memory" search={{}}>
        Show all memories
      </Link>
    </Empty>
  );
}
