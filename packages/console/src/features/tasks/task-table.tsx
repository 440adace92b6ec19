import { useHotkeys, useMediaQuery } from '@mantine/hooks';
import type { Agent } from '@reeve/contract';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, useState, type FocusEvent } from 'react';
import { findAgent } from '../../api/agents.ts';
import { formatCount } from '../../ui/format.ts';
import { useRowKeys } from '../../ui/use-row-keys.ts';
import type { BoardSearch } from './view.ts';
import { TaskRow } from './task-row.tsx';
import classes from './task-table.module.css';
import type { Selection } from './use-selection.ts';
import type { TaskRows } from './use-task-rows.ts';

const ROW_PX = 54;
const NARROW_ROW_PX = 92;
/** Browsers lay out no element that is higher than some 16 million pixels. */
const MOST_ROWS = 150_000;

interface TaskTableProps {
  readonly count: number;
  readonly rows: TaskRows;
  readonly agents: readonly Agent[];
  /** Kept in each row's link, so that the filters stay when a task is opened. */
  readonly search: BoardSearch;
  readonly selection: Selection;
  readonly onAll: (on: boolean) => Promise<void>;
  readonly onView: (view: readonly [first: number, last: number]) => void;
  /** Whether the reader is at work in the table, so that nothing in it must move. */
  readonly onAttended: (attended: boolean) => void;
}

/** Tasks, newest first, of which only the rows in view are in the document. A row opens the task's details. */
export function TaskTable({ count, rows, agents, search, selection, onAll, onView, onAttended }: TaskTableProps) {
  const frame = useRowKeys<HTMLDivElement>();
  const narrow = useMediaQuery('(max-width: 48em)', false, { getInitialValueInEffect: false });
  const height = narrow ? NARROW_ROW_PX : ROW_PX;
  const shown = Math.min(count, MOST_ROWS);
  // oxlint-disable-next-line react/incompatible-library -- it only says that the compiler leaves this component alone
  const virtualizer = useVirtualizer({
    count: shown,
    getScrollElement: () => frame.current,
    estimateSize: () => height,
    // The page is to stay under 400 elements.
    overscan: 0,
  });
  useEffect(() => virtualizer.measure(), [virtualizer, height]);
  const items = virtualizer.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;
  useSettled(first, last, onView);
  const attention = useAttention(onAttended);
  useHotkeys([['x', () => document.activeElement?.closest('[role="row"]')?.querySelector('input')?.click()]]);
  const some = selection.tasks.size > 0;
  return (
    <div className={classes.frame} ref={frame} data-frame {...attention}>
      <div role="table" aria-label="Tasks, newest first" aria-rowcount={count + 1}>
        <div role="rowgroup" className={classes.head}>
          <div role="row" className={classes.row} aria-rowindex={1}>
            <span role="columnheader" className={classes.check}>
              <input
                type="checkbox"
                aria-label="Choose all tasks"
                checked={some}
                ref={(box) => void (box && (box.indeterminate = some && selection.tasks.size < count))}
                onChange={() => void onAll(!some)}
              />
            </span>
            {['Status', 'Title', 'Agent', 'Type', 'Priority', 'Created'].map((name) => (
              <span key={name} role="columnheader" className={classes[name.toLowerCase()]}>
                {name}
              </span>
            ))}
          </div>
        </div>
        <div role="rowgroup" className={classes.body} style={{ height: virtualizer.getTotalSize() }}>
          {items.map(({ index, start }) => {
            const task = rows.at(index);
            return (
              <TaskRow
                key={index}
                index={index}
                top={start}
                height={height}
                task={task}
                agent={task && (findAgent(agents, task.agent_id)?.name ?? task.agent_id)}
                search={search}
                chosen={task !== undefined && selection.tasks.has(task.id)}
                onToggle={(range) => task && void selection.toggle(index, task, range)}
              />
            );
          })}
        </div>
      </div>
      {shown < count && (
        <p className={classes.more}>
          These are the newest {formatCount(shown)} of {formatCount(count)}. A filter finds older ones.
        </p>
      )}
    </div>
  );
}

/** Tells what is in view once scrolling leaves it in view for a moment. */
function useSettled(first: number, last: number, onView: TaskTableProps['onView']): void {
  useEffect(() => {
    const timer = setTimeout(() => onView([first, last]), 60);
    return () => clearTimeout(timer);
  }, [first, last, onView]);
}

/** Whether the pointer is over an element, the focus is in it, or it is scrolled. */
function useAttention(onAttended: (attended: boolean) => void) {
  const reasons = useRef(new Set<'pointer' | 'focus' | 'scroll'>());
  const [attended, setAttended] = useState(false);
  useEffect(() => onAttended(attended), [attended, onAttended]);
  const set = (reason: 'pointer' | 'focus' | 'scroll', on: boolean): void => {
    if (on) reasons.current.add(reason);
    else reasons.current.delete(reason);
    setAttended(reasons.current.size > 0);
  };
  return {
    onPointerEnter: () => set('pointer', true),
    onPointerLeave: () => set('pointer', false),
    onFocus: () => set('focus', true),
    onBlur: (event: FocusEvent<HTMLElement>) => set('focus', event.currentTarget.contains(event.relatedTarget)),
    onScroll: (event: { currentTarget: HTMLElement }) => set('scroll', event.currentTarget.scrollTop > 0),
  };
}
