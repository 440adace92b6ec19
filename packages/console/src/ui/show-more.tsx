import { Button } from '@mantine/core';
import type { ReactNode } from 'react';

interface Pages {
  readonly hasNextPage: boolean;
  readonly isFetchingNextPage: boolean;
  readonly fetchNextPage: () => Promise<unknown>;
}

interface ShowMoreProps {
  readonly query: Pages;
  readonly children?: ReactNode;
  readonly size?: 'xs' | 'sm';
  readonly mt?: 'sm' | 'md';
}

/** Fetches the next page of a list that grows, where there is one. */
export function ShowMore({ query, children = 'Show more', ...look }: ShowMoreProps) {
  if (!query.hasNextPage) return null;
  return (
    <Button variant="default" {...look} loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
      {children}
    </Button>
  );
}
