import { Button } from '@mantine/core';
import type { Agent, Task } from '@reeve/contract';
import { useRef, useState, type ReactNode } from 'react';
import type { TaskAction, TaskFilter } from '../../api/tasks.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { formatCount } from '../../ui/format.ts';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { BulkBar } from './bulk-bar.tsx';
import { BulkDialog } from './bulk-dialog.tsx';
import { LiveState } from './live-state.tsx';
import type { BoardSearch } from './view.ts';
import classes from './task-list.module.css';
import { TaskTable } from './task-table.tsx';
import { useSelection } from './use-selection.ts';
import { useTaskRows } from './use-task-rows.ts';

/** How many tasks are chosen at most by choosing all. */
const ALL = 1_000;

interface TaskListProps {
  readonly filter: TaskFilter;
  readonly agents: readonly Agent[];
  readonly search: BoardSearch;
  /** What shows where there is no task. */
  readonly empty: ReactNode;
}

/** The tasks that match, live, with what can be done to many of them at once. */
export function TaskList({ filter, agents, search, empty }: TaskListProps) {
  const [view, setView] = useState<readonly [number, number]>([0, 0]);
  const [attended, setAttended] = useState(false);
  const [chosen, setChosen] = useState(false);
  const [acting, setActing] = useState<{ readonly action: TaskAction; readonly tasks: readonly Task[] }>();
  const rows = useTaskRows({ filter, agents, view, still: attended || chosen });
  const selection = useSelection(rows.load);
  if (chosen !== selection.tasks.size > 0) setChosen(selection.tasks.size > 0);

  const list = useRef<HTMLElement>(null);
  const letIn = (): void => {
    list.current?.querySelector('[data-frame]')?.scrollTo({ top: 0 });
    rows.show();
  };

  if (rows.count === undefined)
    return rows.error === null ? (
      <SkeletonRows rows={8} height={46} label="Loading tasks" />
    ) : (
      <ErrorPanel title="The tasks could not be loaded" error={rows.error} onRetry={rows.show} />
    );
  const { count } = rows;
  return (
    <section className={classes.list} aria-label="Tasks" ref={list}>
      <div className={classes.strip}>
        {chosen ? (
          <BulkBar
            tasks={[...selection.tasks.values()]}
            onAct={(action, tasks) => setActing({ action, tasks })}
            onClear={() => selection.choose([])}
          />
        ) : (
          <span>{count === 1 ? '1 task' : `${formatCount(count)} tasks`}</span>
        )}
        {rows.held > 0 && (
          <Button size="compact-sm" variant="light" onClick={letIn}>
            {rows.held === 1 ? '1 new task' : `${formatCount(rows.held)} new tasks`}
          </Button>
        )}
        <span className={classes.state}>
          <LiveState state={rows.feed} />
        </span>
      </div>
      {rows.error !== null && <ErrorPanel title="What you see may be old" error={rows.error} onRetry={rows.show} />}
      {count === 0 ? (
        empty
      ) : (
        <TaskTable
          count={count}
          rows={rows}
          agents={agents}
          search={search}
          selection={selection}
          onAll={async (on) => selection.choose(on ? await rows.load(0, Math.min(count, ALL) - 1) : [])}
          onView={setView}
          onAttended={setAttended}
        />
      )}
      {acting !== undefined && (
        <BulkDialog
          {...acting}
          onClose={() => {
            setActing(undefined);
            selection.choose([]);
          }}
          onCancel={() => setActing(undefined)}
        />
      )}
    </section>
  );
}
