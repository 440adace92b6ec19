import { Button, Group, Modal } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { runDue } from '../../api/schedules.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { formatDate } from '../../ui/format.ts';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import classes from './schedules.module.css';

/** What is due now, and a way to make its tasks without waiting for the scheduler. */
export function DueDialog({ onClose }: { readonly onClose: () => void }) {
  const cache = useQueryClient();
  const due = useQuery({ queryKey: ['schedules', 'due'], queryFn: () => runDue(true), staleTime: 0 });
  const run = useMutation({
    mutationFn: () => runDue(false),
    onSettled: () => cache.invalidateQueries({ queryKey: ['schedules', 'list'] }),
  });
  const shown = run.data ?? due.data;
  return (
    <Modal opened onClose={onClose} title="What is due" closeButtonProps={{ 'aria-label': 'Close' }}>
      {due.isPending && <SkeletonRows rows={3} height={36} label="Loading what is due" />}
      {(due.isError || run.isError) && (
        <ErrorPanel
          title={run.isError ? 'The tasks were not made' : 'It could not be found out'}
          error={run.error ?? due.error}
          onRetry={() => void due.refetch()}
        />
      )}
      {shown?.length === 0 && (
        <p className={classes.question}>
          {run.data === undefined ? 'Nothing is due now.' : 'Nothing was due any more.'}
        </p>
      )}
      <ul className={classes.due}>
        {(shown ?? []).map((one) => (
          <li key={`${one.schedule_id} ${one.due_at}`}>
            {one.task_id === null ? (
              one.title
            ) : (
              <Link to="/admin/agents/tasks" search={{ task: one.task_id }}>
                {one.title}
              </Link>
            )}
            <span>
              {formatDate(one.due_at)}
              {one.action === 'skip' ? ', passed over' : one.task_id === null ? '' : ', task made'}
            </span>
          </li>
        ))}
      </ul>
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Close
        </Button>
        {run.data === undefined && (due.data?.length ?? 0) > 0 && (
          <Button loading={run.isPending} onClick={() => run.mutate()}>
            Make the tasks now
          </Button>
        )}
      </Group>
    </Modal>
  );
}
