import type { Task, WaitingFor } from '@reeve/contract';
import { Status } from '../../ui/status.tsx';

const WAITS: Record<WaitingFor, string> = {
  schedule: 'Waits for its time',
  dependencies: 'Waits for other tasks',
  approval: 'Waits for approval',
  retry: 'Waits to be retried',
  budget: 'Waits for budget',
  model: 'Waits for its model',
  concurrency: 'Waits for its turn',
  caller: 'Waits for its caller',
};

interface TaskStatusProps {
  readonly task: Pick<Task, 'status' | 'waiting_for'>;
  readonly role?: 'cell';
}

/** A task's status; where it can't start yet, why. */
export function TaskStatus({ task, ...rest }: TaskStatusProps) {
  if (task.status === 'pending' && task.waiting_for !== null)
    return <Status status="waiting" text={WAITS[task.waiting_for]} {...rest} />;
  return <Status status={task.status} {...rest} />;
}
