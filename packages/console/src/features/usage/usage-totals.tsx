import type { UsageTotals } from '@reeve/contract';
import { formatCost, formatCount, formatDuration } from '../../ui/format.ts';
import classes from './usage-totals.module.css';

/** What was used in all, in the fewest figures that tell it. */
export function UsageTotalsView({ totals }: { readonly totals: UsageTotals }) {
  const { calls, errors, open_calls: open, unpriced_calls: unpriced, estimated_calls: estimated } = totals;
  return (
    <dl className={classes.totals} aria-label="In all">
      <Total
        name="Cost"
        figure={totals.cost_usd === null ? '–' : formatCost(totals.cost_usd)}
        notes={[
          unpriced > 0 && `without ${count(unpriced, 'call')} of unknown price`,
          estimated > 0 && `${count(estimated, 'call')} estimated`,
        ]}
      />
      <Total
        name="Calls"
        figure={formatCount(calls)}
        notes={[count(errors, 'error'), open > 0 && `${formatCount(open)} under way`]}
      />
      <Total
        name="Tokens in"
        figure={formatCount(totals.input_tokens)}
        notes={[`${formatCount(totals.cached_tokens)} from a cache`]}
      />
      <Total
        name="Tokens out"
        figure={formatCount(totals.output_tokens)}
        notes={[`${formatCount(totals.reasoning_tokens)} for reasoning`]}
      />
      <Total name="Time a call" figure={duration(totals.latency_ms.p50)} notes={[slowest(totals.latency_ms.p95)]} />
      <Total
        name="First token"
        figure={duration(totals.first_token_ms.p50)}
        notes={[slowest(totals.first_token_ms.p95)]}
      />
    </dl>
  );
}

interface TotalProps {
  readonly name: string;
  readonly figure: string;
  readonly notes: readonly (string | false)[];
}

function Total({ name, figure, notes }: TotalProps) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className={classes.figure}>{figure}</dd>
      <dd className={classes.note}>{notes.filter(Boolean).join(', ')}</dd>
    </div>
  );
}

const duration = (ms: number | null): string => (ms === null ? '–' : formatDuration(ms));
const slowest = (ms: number | null): string | false => ms !== null && `95 of 100 within ${formatDuration(ms)}`;
const count = (number: number, noun: string): string => `${formatCount(number)} ${noun}${number === 1 ? '' : 's'}`;
