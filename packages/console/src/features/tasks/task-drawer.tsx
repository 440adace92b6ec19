import { Drawer } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Suspense } from 'react';
import { taskQuery } from '../../api/tasks.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { lazyPart } from '../../ui/lazy-part.ts';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import type { BoardSearch } from './view.ts';

const TaskDetails = lazyPart(async () => (await import('./task-details.tsx')).TaskDetails);

interface TaskDrawerProps {
  /** The task to show; closed where undefined. */
  readonly taskId: string | undefined;
  /** Kept in links to other tasks, so that the filters stay. */
  readonly search: BoardSearch;
  readonly onClose: () => void;
}

/** A task in full beside the list, live until it ends, with what can be done about it. */
export function TaskDrawer({ taskId, search, onClose }: TaskDrawerProps) {
  return (
    <Drawer
      opened={taskId !== undefined}
      onClose={onClose}
      position="right"
      size="min(44rem, 100vw)"
      title="Task"
      closeButtonProps={{ 'aria-label': 'Close' }}
      keepMounted={false}
    >
      {taskId !== undefined && <Loading key={taskId} taskId={taskId} search={search} />}
    </Drawer>
  );
}

function Loading({ taskId, search }: { readonly taskId: string; readonly search: BoardSearch }) {
  const detail = useQuery(taskQuery(taskId));
  if (detail.data !== undefined)
    return (
      <Suspense fallback={<Waiting />}>
        <TaskDetails detail={detail.data} search={search} stale={detail.isError ? detail.error : null} />
      </Suspense>
    );
  return detail.isError ? (
    <ErrorPanel title="The task could not be loaded" error={detail.error} onRetry={() => void detail.refetch()} />
  ) : (
    <Waiting />
  );
}

const Waiting = () => <SkeletonRows rows={6} height={48} label="Loading the task" />;
