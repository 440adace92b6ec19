import { Button, CloseButton } from '@mantine/core';
import type { Task } from '@reeve/contract';
import { canAct, type TaskAction } from '../../api/tasks.ts';
import { formatCount } from '../../ui/format.ts';
import classes from './bulk-bar.module.css';

const NAMES: Record<TaskAction, string> = { cancel: 'Cancel', retry: 'Retry', approve: 'Approve', reject: 'Reject' };

interface BulkBarProps {
  readonly tasks: readonly Task[];
  /** Called with those of the tasks that the action is for. */
  readonly onAct: (action: TaskAction, tasks: readonly Task[]) => void;
  readonly onClear: () => void;
}

/** What can be done to the chosen tasks, each with how many of them it is for. */
export function BulkBar({ tasks, onAct, onClear }: BulkBarProps) {
  return (
    <div className={classes.bar} role="toolbar" aria-label="Chosen tasks">
      <CloseButton size="sm" aria-label="Choose none" onClick={onClear} />
      <strong aria-live="polite">{formatCount(tasks.length)} chosen</strong>
      {(Object.keys(NAMES) as TaskAction[]).map((action) => {
        const able = tasks.filter((task) => canAct(task, action));
        return (
          able.length > 0 && (
            <Button key={action} size="compact-sm" variant="default" onClick={() => onAct(action, able)}>
              {NAMES[action]} {formatCount(able.length)}
            </Button>
          )
        );
      })}
    </div>
  );
}
