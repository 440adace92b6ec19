import { Button, TextInput } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Suspense } from 'react';
import { sessionsQuery } from '../../api/sessions.ts';
import { Ago } from '../../ui/ago.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { MoreIcon, PlusIcon, SearchIcon } from '../../ui/icons.ts';
import { lazyPart } from '../../ui/lazy-part.ts';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import classes from './session-list.module.css';

const SessionMenu = lazyPart(async () => (await import('./session-menu.tsx')).SessionMenu);

interface SessionListProps {
  readonly current: string | undefined;
  readonly search: string;
  readonly onSearch: (search: string) => void;
  /** Called when a session was opened from here, so that a drawer can close. */
  readonly onOpen?: () => void;
}

/** The sessions, most recently used first: search, open, rename, export, delete. */
export function SessionList({ current, search, onSearch, onOpen }: SessionListProps) {
  const sessions = useInfiniteQuery(sessionsQuery(search));
  const all = sessions.data?.pages.flatMap((page) => page.sessions) ?? [];
  return (
    <nav className={classes.list} aria-label="Sessions">
      <div className={classes.head}>
        <Button
          variant="default"
          fullWidth
          leftSection={<PlusIcon size={16} />}
          onClick={onOpen}
          renderRoot={(props) => (
            <Link
              to="/chat/{-$sessionId}"
              params={{ sessionId: undefined }}
              search={search === '' ? {} : { q: search }}
              {...props}
            />
          )}
        >
          New chat
        </Button>
        <TextInput
          aria-label="Search sessions"
          placeholder="Search sessions"
          type="search"
          leftSection={<SearchIcon size={15} />}
          defaultValue={search}
          onChange={(event) => onSearch(event.currentTarget.value)}
        />
      </div>
      <div className={classes.scroll}>
        {sessions.isPending && <SkeletonRows rows={6} height={44} label="Loading sessions" />}
        {sessions.isError && all.length === 0 && (
          <ErrorPanel
            title="The sessions could not be loaded"
            error={sessions.error}
            onRetry={() => void sessions.refetch()}
          />
        )}
        {sessions.isSuccess && all.length === 0 && (
          <p className={classes.none}>
            {search === '' ? 'Your conversations will be listed here.' : 'No session has this in its title.'}
          </p>
        )}
        <ul>
          {all.map((session) => (
            <li key={session.id} className={classes.item} data-current={session.id === current || undefined}>
              <Link
                to="/chat/{-$sessionId}"
                params={{ sessionId: session.id }}
                search={search === '' ? {} : { q: search }}
                className={classes.link}
                aria-current={session.id === current ? 'page' : undefined}
                onClick={onOpen}
              >
                <span className={classes.title}>{session.title || 'Untitled'}</span>
                <span className={classes.when}>
                  <Ago time={session.updated_at} />
                </span>
              </Link>
              <Suspense fallback={<MoreIcon size={15} className={classes.more} aria-hidden="true" />}>
                <SessionMenu session={session} open={session.id === current} />
              </Suspense>
            </li>
          ))}
        </ul>
        {sessions.hasNextPage && (
          <Button
            variant="subtle"
            size="xs"
            fullWidth
            loading={sessions.isFetchingNextPage}
            onClick={() => void sessions.fetchNextPage()}
          >
            Load more
          </Button>
        )}
      </div>
    </nav>
  );
}
