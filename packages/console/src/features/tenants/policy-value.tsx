import { formatCost, formatCount } from '../../ui/format.ts';
import type { PolicyField, PolicyValue } from './policy-groups.ts';
import classes from './tenants.module.css';

interface PolicyValueProps {
  readonly field: PolicyField;
  readonly value: PolicyValue | undefined;
  /** Of a list of names: what it means to be empty. */
  readonly whenEmpty?: string;
}

/** A value of a policy as people say it. */
export function PolicyValueView({ field, value, whenEmpty = 'nothing' }: PolicyValueProps) {
  if (typeof value === 'object')
    return value.length === 0 ? (
      <span className={classes.soft}>{whenEmpty}</span>
    ) : (
      <ul className={classes.globs}>
        {value.map((glob) => (
          <li key={glob}>
            <code>{glob}</code>
          </li>
        ))}
      </ul>
    );
  if (field.kind === 'choice') return <>{field.choices.find((choice) => choice.value === value)?.label}</>;
  if (value === undefined) return <span className={classes.soft}>as “default”</span>;
  if (Number(value) === 0) return <span className={classes.soft}>no limit</span>;
  if (field.kind === 'usd') return <>{formatCost(String(value))}</>;
  return <>{formatCount(Number(value))}</>;
}
