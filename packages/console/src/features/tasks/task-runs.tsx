import type { Run } from '@reeve/contract';
import { Link } from '@tanstack/react-router';
import { isLive } from '../../api/runs.ts';
import { formatDate, formatDuration } from '../../ui/format.ts';
import { Status } from '../../ui/status.tsx';
import { StepList } from '../runs/step-list.tsx';
import classes from './task-details.module.css';

/** The runs of a task, each with a link to it, and the steps of the newest. */
export function TaskRuns({ runs }: { readonly runs: readonly Run[] }) {
  const newest = runs.reduce<Run | undefined>(
    (best, run) => (best === undefined || run.created_at > best.created_at ? run : best),
    undefined,
  );
  return (
    <>
      <section aria-labelledby="task-runs">
        <h3 id="task-runs" className={classes.heading}>
          Runs
        </h3>
        {runs.length === 0 && <p className={classes.none}>No agent has taken this task yet.</p>}
        <ul className={classes.list}>
          {runs.map((run) => (
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
      {newest !== undefined && <StepList key={newest.id} runId={newest.id} live={isLive(newest)} />}
    </>
  );
}
