import { Button, Drawer, Group } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import type { Task } from '@reeve/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { agentsQuery } from '../../api/agents.ts';
import { taskRunsQuery } from '../../api/runs.ts';
import { cancelTask, isOpen, retryTask, taskQuery } from '../../api/tasks.ts';
import { ErrorPanel, messageOf } from '../../ui/error-panel.tsx';
import { Facts } from '../../ui/facts.tsx';
import { formatDate, formatDuration } from '../../ui/format.ts';
import { CancelledIcon, RetryIcon } from '../../ui/icons.ts';
import { Identifier } from '../../ui/identifier.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { Status } from '../../ui/status.tsx';
import { TextBlock } from '../../ui/text-block.tsx';
import classes from './task-drawer.module.css';
import { TaskStatus } from './task-status.tsx';

interface TaskDrawerProps {
  /** The task to show; closed where undefined. */
  readonly taskId: string | undefined;
  readonly onClose: () => void;
}

/** A task in full beside the list, live until it ends, with what can be done about it. */
export function TaskDrawer({ taskId, onClose }: TaskDrawerProps) {
  return (
    <Drawer
      opened={taskId !== undefined}
      onClose={onClose}
      position="right"
      size="min(40rem, 100vw)"
      title="Task"
      closeButtonProps={{ 'aria-label': 'Close' }}
      keepMounted={false}
    >
      {taskId !== undefined && <TaskDetails key={taskId} taskId={taskId} />}
    </Drawer>
  );
}

function TaskDetails({ taskId }: { readonly taskId: string }) {
  const task = useQuery(taskQuery(taskId));
  if (task.data !== undefined) return <LoadedTask task={task.data} stale={task.isError ? task.error : null} />;
  return task.isError ? (
    <ErrorPanel title="The task could not be loaded" error={task.error} onRetry={() => void task.refetch()} />
  ) : (
    <SkeletonRows rows={6} height={48} label="Loading the task" />
  );
}

function LoadedTask({ task, stale }: { readonly task: Task; readonly stale: Error | null }) {
  const agents = useQuery(agentsQuery);
  const agent = agents.data?.find((known) => known.id === task.agent_id);
  return (
    <article className={classes.task}>
      <header>
        <h2 className={classes.title}>{task.title}</h2>
        <div className={classes.state}>
          <TaskStatus task={task} />
          <Actions task={task} />
        </div>
      </header>
      {stale !== null && <ErrorPanel title="What you see may be old" error={stale} />}
      {task.description !== null && task.description !== '' && (
        <p className={classes.description}>{task.description}</p>
      )}
      {task.error_message !== null && (
        <ErrorPanel
          title={task.error_code === null ? 'The task failed' : `The task failed: ${task.error_code}`}
          error={new Error(task.error_message)}
        />
      )}
      {task.result_summary !== null && <p className={classes.description}>{task.result_summary}</p>}
      {task.result !== null && task.result !== undefined && <TextBlock label="Result" value={task.result} />}
      <TextBlock label="Payload" value={task.payload} />
      <Runs task={task} />
      <Facts
        facts={[
          ['Agent', agent?.name ?? task.agent_id],
          ['Type', task.task_type],
          ['Priority', task.priority],
          ['Attempts', `${task.attempts} of ${task.max_attempts}`],
          ['Not before', task.run_at === null ? null : formatDate(task.run_at)],
          ['Waits for tasks', task.depends_on.length === 0 ? null : task.depends_on.length],
          ['Created by', task.created_by_user_id],
          ['Created', formatDate(task.created_at)],
          ['Started', task.started_at === null ? null : formatDate(task.started_at)],
          ['Ended', task.completed_at === null ? null : formatDate(task.completed_at)],
          [
            'Session',
            task.session_id === null ? null : (
              <Link key="s" to="/chat/{-$sessionId}" params={{ sessionId: task.session_id }}>
                Open in chat
              </Link>
            ),
          ],
          ['Task', <Identifier key="i" id={task.id} of="task id" />],
          ['Trace', <Identifier key="t" id={task.trace_id} of="trace id" />],
        ]}
      />
    </article>
  );
}

function Actions({ task }: { readonly task: Task }) {
  const cache = useQueryClient();
  const refresh = () => Promise.all(['tasks', 'runs'].map((noun) => cache.invalidateQueries({ queryKey: [noun] })));
  const cancel = useMutation({
    mutationFn: () => cancelTask(task.id),
    onSettled: refresh,
    onError: (error) => tell('The task was not cancelled', error),
  });
  const retry = useMutation({
    mutationFn: () => retryTask(task.id),
    onSettled: refresh,
    onError: (error) => tell('The task was not queued again', error),
  });
  return (
    <Group gap="xs">
      {isOpen(task) && (
        <Button
          size="xs"
          variant="default"
          leftSection={<CancelledIcon size={15} />}
          loading={cancel.isPending}
          onClick={() => cancel.mutate()}
        >
          Cancel task
        </Button>
      )}
      {(task.status === 'failed' || task.status === 'cancelled') && (
        <Button
          size="xs"
          variant="default"
          leftSection={<RetryIcon size={15} />}
          loading={retry.isPending}
          onClick={() => retry.mutate()}
        >
          Retry task
        </Button>
      )}
    </Group>
  );
}

function Runs({ task }: { readonly task: Task }) {
  const runs = useQuery(taskRunsQuery(task.id, isOpen(task) ? null : task.completed_at));
  return (
    <section>
      <h3 className={classes.heading}>Runs</h3>
      {runs.isPending && <SkeletonRows rows={1} height={28} label="Loading runs" />}
      {runs.isError && (
        <ErrorPanel title="The runs could not be loaded" error={runs.error} onRetry={() => void runs.refetch()} />
      )}
      {runs.data?.length === 0 && <p className={classes.none}>No agent has taken this task yet.</p>}
      <ul className={classes.runs}>
        {(runs.data ?? []).map((run) => (
          <li key={run.id}>
            <Status status={run.status} />
            <Link to="/runs/$runId" params={{ runId: run.id }}>
              {formatDate(run.created_at)}
            </Link>
            <span>
              {run.steps === 1 ? '1 step' : `${run.steps} steps`}
              {run.duration_ms === null ? '' : `, ${formatDuration(run.duration_ms)}`}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function tell(title: string, error: unknown): void {
  notifications.show({ color: 'rust', title, message: messageOf(error) });
}
