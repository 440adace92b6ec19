import { BadIcon, WarnIcon } from '../../ui/icons.ts';
import classes from './budgets.module.css';

interface BudgetBarProps {
  /** Names the bar to a screen reader. */
  readonly label: string;
  readonly limit: number;
  readonly spent: number;
  readonly reserved: number;
  readonly say: (amount: number) => string;
}

/** Where alerts are raised, as a share of the limit. */
const NEAR = 0.8;

/** How much of a limit is spent, and how much calls under way may still take, with the marks at which alerts are raised. */
export function BudgetBar({ label, limit, spent, reserved, say }: BudgetBarProps) {
  const share = (amount: number): number => (limit === 0 ? 100 : Math.min(100, (amount / limit) * 100));
  const left = Math.max(0, limit - spent - reserved);
  const words = `${say(spent)} spent${reserved > 0 ? `, ${say(reserved)} reserved` : ''} of ${say(limit)}`;
  const reached = spent >= limit ? 'all' : spent >= limit * NEAR ? 'near' : undefined;
  return (
    <div className={classes.limit} data-reached={reached}>
      <div
        className={classes.bar}
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={limit}
        aria-valuenow={Math.min(spent, limit)}
        aria-valuetext={words}
      >
        <span className={classes.spent} data-full={left === 0 || undefined} style={{ width: `${share(spent)}%` }} />
        <span className={classes.reserved} style={{ width: `${Math.min(share(reserved), 100 - share(spent))}%` }} />
        <span className={classes.mark} style={{ left: `${NEAR * 100}%` }} title="80 %: an alert is raised" />
      </div>
      <span className={classes.words}>{words}</span>
      <span className={classes.left}>
        {reached === 'near' && (
          <>
            <WarnIcon size={13} /> over 80 %,{' '}
          </>
        )}
        {reached === 'all' && <BadIcon size={13} />} {left === 0 ? 'nothing left' : `${say(left)} left`}
      </span>
    </div>
  );
}
