import { Button, Group, Modal, Textarea } from '@mantine/core';
import type { Task } from '@reeve/contract';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { actOnTask, type TaskAction } from '../../api/tasks.ts';
import { formatCount } from '../../ui/format.ts';
import { actOnMany, reasonsOf, type BulkProgress } from './bulk.ts';
import classes from './bulk-dialog.module.css';

const WORDS: Record<TaskAction, { readonly ask: string; readonly done: string; readonly note: string }> = {
  cancel: { ask: 'Cancel', done: 'cancelled', note: 'Running ones stop at their next safe point.' },
  retry: { ask: 'Retry', done: 'queued again', note: 'What their runs have settled is kept.' },
  approve: { ask: 'Approve', done: 'approved', note: 'They start as soon as a worker is free.' },
  reject: { ask: 'Reject', done: 'rejected', note: 'They fail with the reason, and stay.' },
};
const SHOWN_FAILURES = 5;

interface BulkDialogProps {
  readonly action: TaskAction;
  readonly tasks: readonly Task[];
  /** Closed after something was done. */
  readonly onClose: () => void;
  /** Closed before anything was. */
  readonly onCancel: () => void;
}

/** Asks before something is done to many tasks, shows how far it is, and what failed and why. */
export function BulkDialog({ action, tasks, onClose, onCancel }: BulkDialogProps) {
  const [reason, setReason] = useState('');
  const [progress, setProgress] = useState<BulkProgress>();
  const [ended, setEnded] = useState(false);
  const stop = useRef<AbortController>(undefined);
  useEffect(() => () => stop.current?.abort(), []);
  const cache = useQueryClient();
  const words = WORDS[action];
  const these = tasks.length === 1 ? '1 task' : `${formatCount(tasks.length)} tasks`;

  async function act(): Promise<void> {
    stop.current = new AbortController();
    setProgress({ total: tasks.length, done: 0, failures: [] });
    const result = await actOnMany(
      tasks,
      (task, signal) => actOnTask(task.id, action, reason.trim(), signal),
      setProgress,
      stop.current.signal,
    );
    void cache.invalidateQueries({ queryKey: ['tasks', 'stats'] });
    void cache.invalidateQueries({ queryKey: ['approvals'] });
    setProgress(result);
    setEnded(true);
  }

  return (
    <Modal
      opened
      onClose={progress === undefined ? onCancel : onClose}
      title={`${words.ask} ${these}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {progress === undefined ? (
        <form
          className={classes.body}
          onSubmit={(event) => {
            event.preventDefault();
            void act();
          }}
        >
          <p>{words.note}</p>
          {(action === 'approve' || action === 'reject') && (
            <Textarea
              label="Reason"
              description="Kept with each decision"
              autosize
              maxRows={6}
              maxLength={2000}
              value={reason}
              onChange={(event) => setReason(event.currentTarget.value)}
            />
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onCancel}>
              Back
            </Button>
            <Button type="submit" data-autofocus color={action === 'reject' || action === 'cancel' ? 'rust' : 'pine'}>
              {words.ask} {these}
            </Button>
          </Group>
        </form>
      ) : (
        <div className={classes.body}>
          <progress
            max={progress.total}
            value={progress.done + progress.failures.length}
            aria-label={`${words.ask} ${these}`}
          />
          <p role="status">
            {formatCount(progress.done)} of {formatCount(progress.total)} {words.done}
            {progress.failures.length > 0 && `, ${formatCount(progress.failures.length)} failed`}
            {ended && progress.done + progress.failures.length < progress.total && ', then stopped'}.
          </p>
          {reasonsOf(progress.failures).map(([why, failed]) => (
            <section key={why} className={classes.failure} aria-label="Why some failed">
              <strong>{why}</strong>
              <ul>
                {failed.slice(0, SHOWN_FAILURES).map((task) => (
                  <li key={task.id}>{task.title}</li>
                ))}
                {failed.length > SHOWN_FAILURES && <li>and {formatCount(failed.length - SHOWN_FAILURES)} more</li>}
              </ul>
            </section>
          ))}
          <Group justify="flex-end">
            {ended ? (
              <Button onClick={onClose}>Done</Button>
            ) : (
              <Button variant="default" onClick={() => stop.current?.abort()}>
                Stop
              </Button>
            )}
          </Group>
        </div>
      )}
    </Modal>
  );
}
