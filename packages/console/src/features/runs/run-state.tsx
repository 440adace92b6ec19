import type { Run, RunWait } from '@reeve/contract';
import { Link } from '@tanstack/react-router';
import { Status } from '../../ui/status.tsx';
import classes from './run-detail.module.css';

const WAITS: Readonly<Record<RunWait, string>> = {
  approval: 'Waits for a decision',
  budget: 'Waits for a budget',
  dependencies: 'Waits for other agents',
  caller: 'Waits for its caller',
  model: 'Waits for its model',
};

/** A run's status, or what it is put aside for. */
export function RunState({ run }: { readonly run: Pick<Run, 'status' | 'waiting_for'> }) {
  return run.waiting_for === null ? (
    <Status status={run.status} />
  ) : (
    <Status status="waiting" text={WAITS[run.waiting_for]} />
  );
}

/** What a run that is put aside needs to go on, and where that is done. */
export function RunWaits({ run }: { readonly run: Pick<Run, 'waiting_for'> }) {
  if (run.waiting_for === null) return null;
  return (
    <p className={classes.waits} role="status">
      {run.waiting_for === 'approval' ? (
        'A person is asked about a tool call below. The run holds nothing while it waits, and goes on once it has an answer.'
      ) : run.waiting_for === 'dependencies' ? (
        'It gave work to other agents, and goes on when they have ended. It holds nothing while it waits.'
      ) : run.waiting_for === 'caller' ? (
        'It called a tool of the program that asked for it, and goes on when that gives the result, or when the time for it runs out. It holds nothing while it waits.'
      ) : run.waiting_for === 'model' ? (
        'Its model takes no calls at the moment. It asks again by itself, holds nothing while it waits, and spends no attempt.'
      ) : (
        <>
          No budget has room for its next model call. It goes on by itself when there is:{' '}
          <Link to="/admin/usage">see the budgets</Link>.
        </>
      )}
    </p>
  );
}
