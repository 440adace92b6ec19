import { TASK_STATUSES, type TaskStats, type WaitingFor } from '@reeve/contract';
import { Link } from '@tanstack/react-router';
import { formatCount, formatDuration } from '../../ui/format.ts';
import { Status, statusText } from '../../ui/status.tsx';
import { EXACT } from '../../ui/filter-tabs.tsx';
import type { BoardSearch } from './view.ts';
import classes from './task-counts.module.css';

/** What pending tasks wait for, in the words that follow a number. */
const WAITING: Record<WaitingFor | 'ready', string> = {
  ready: 'ready',
  schedule: 'for their time',
  dependencies: 'for others',
  approval: 'for approval',
  retry: 'for a retry',
  budget: 'for budget',
  model: 'for a model',
  concurrency: 'for their turn',
  caller: 'for their callers',
};

interface TaskCountsProps {
  readonly stats: TaskStats | undefined;
  readonly search: BoardSearch;
}

/** How many tasks there are in each state; each count shows its tasks. Pending ones are told apart by what they wait for. */
export function TaskCounts({ stats, search }: TaskCountsProps) {
  const { status: _status, task: _task, create: _create, ...filter } = search;
  const waits = Object.entries(stats?.by_waiting ?? {}).filter(([, count]) => count > 0);
  const all = Object.values(stats?.by_status ?? {}).reduce((sum, count) => sum + count, 0);
  return (
    <nav className={classes.counts} aria-label="Tasks by status">
      <Link to="/admin/agents/tasks" search={filter} activeOptions={EXACT}>
        <span>All</span>
        <strong>{stats === undefined ? '–' : formatCount(all)}</strong>
      </Link>
      {TASK_STATUSES.map((name) => (
        <Link key={name} to="/admin/agents/tasks" search={{ ...filter, status: name }} activeOptions={EXACT}>
          <Status status={name} text={statusText(name)} />
          <strong>{stats === undefined ? '–' : formatCount(stats.by_status[name] ?? 0)}</strong>
          {name === 'pending' && waits.length > 0 && (
            <span className={classes.waits}>
              {waits.map(([wait, count]) => `${formatCount(count)} ${wordsOf(wait)}`).join(', ')}
            </span>
          )}
        </Link>
      ))}
    </nav>
  );
}

/** How fast the queue works and how long its oldest task has waited, in a sentence. */
export function paceOf(stats: TaskStats): string {
  const rate = stats.throughput_per_minute;
  const parts = [
    `${rate >= 10 ? formatCount(Math.round(rate)) : rate.toFixed(1)} a minute`,
    `${formatCount(stats.completed_last_hour)} completed and ${formatCount(stats.failed_last_hour)} failed in the last hour`,
  ];
  if (stats.oldest_pending_age_s !== null)
    parts.push(`the oldest ready one has waited ${formatDuration(stats.oldest_pending_age_s * 1000)}`);
  return parts.join(' · ');
}

function wordsOf(wait: string): string {
  return wait in WAITING ? WAITING[wait as WaitingFor] : wait;
}
