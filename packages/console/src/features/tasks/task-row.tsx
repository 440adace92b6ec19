import type { Task } from '@reeve/contract';
import { Link } from '@tanstack/react-router';
import type { MouseEvent } from 'react';
import { Ago } from '../../ui/ago.tsx';
import { firstLineOfMarkdown } from '../../ui/format.ts';
import table from '../../ui/table.module.css';
import type { BoardSearch } from './view.ts';
import { TaskStatus } from './task-status.tsx';
import classes from './task-table.module.css';

interface TaskRowProps {
  readonly index: number;
  readonly top: number;
  readonly height: number;
  /** Undefined while it is loaded. */
  readonly task: Task | undefined;
  readonly agent: string | undefined;
  readonly search: BoardSearch;
  readonly chosen: boolean;
  readonly onToggle: (range: boolean) => void;
}

/** One task in the list, at its place. */
export function TaskRow({ index, top, height, task, agent, search, chosen, onToggle }: TaskRowProps) {
  const place = { height, transform: `translateY(${top}px)` };
  if (task === undefined)
    return (
      <div role="row" className={classes.row} style={place} aria-rowindex={index + 2} data-loading>
        <span role="cell" className={classes.title}>
          Loading
        </span>
      </div>
    );
  const said = firstLineOfMarkdown(task.error_message ?? task.result_summary ?? task.description ?? '');
  const toggle = (event: MouseEvent): void => onToggle(event.shiftKey);
  return (
    <div
      role="row"
      className={classes.row}
      style={place}
      aria-rowindex={index + 2}
      data-task={task.id}
      data-chosen={chosen || undefined}
    >
      <span role="cell" className={classes.check}>
        <input type="checkbox" aria-label={`Choose ${task.title}`} checked={chosen} onClick={toggle} readOnly />
      </span>
      <TaskStatus task={task} role="cell" />
      <span role="cell" className={classes.title}>
        <Link
          to="/admin/agents/tasks"
          search={{ ...search, task: task.id }}
          preload={false}
          className={table.link}
          data-row
        >
          {task.title}
        </Link>
        {said !== '' && <span className={classes.said}>{said}</span>}
      </span>
      <span role="cell" className={classes.agent}>
        {agent}
      </span>
      <span role="cell" className={classes.type}>
        {task.task_type}
      </span>
      <span role="cell" className={classes.priority}>
        {task.priority}
      </span>
      <Ago time={task.created_at} role="cell" className={classes.created} />
    </div>
  );
}
