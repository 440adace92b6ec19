import { Button } from '@mantine/core';
import { useRouter, type ErrorComponentProps } from '@tanstack/react-router';
import { Empty } from '../../ui/empty.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Page } from '../../ui/page.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';

/** An address that leads nowhere. */
export function NotFound() {
  const router = useRouter();
  return (
    <Page title="Not found">
      <Empty title={`There is no page at ${location.pathname}.`}>
        <Button onClick={() => void router.navigate({ to: '/' })}>To the chat</Button>
      </Empty>
    </Page>
  );
}

/** A page that broke: what happened, with the request's id where a request caused it. */
export function PageError({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  const again = (): void => {
    reset();
    void router.invalidate();
  };
  return (
    <Page title="Something broke">
      <ErrorPanel title="This page could not be shown" error={error} onRetry={again} />
    </Page>
  );
}

/** A page whose code is on its way. */
export function PagePending() {
  return (
    <div style={{ padding: '1.5rem 1.25rem' }}>
      <SkeletonRows rows={6} height={40} label="Loading the page" />
    </div>
  );
}
