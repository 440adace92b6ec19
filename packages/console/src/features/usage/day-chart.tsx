import type { UsageGroup, UsageTotals } from '@reeve/contract';
import { Link } from '@tanstack/react-router';
import type { UsageRange } from '../../api/usage.ts';
import { FilterTabs } from '../../ui/filter-tabs.tsx';
import { formatCost, formatCount } from '../../ui/format.ts';
import classes from './day-chart.module.css';
import type { UsageView } from './view.ts';
import { everyDay } from './usage-range.ts';
import { MEASURES, type Measure } from './measure.ts';

const LOOKS: Readonly<
  Record<Measure, { readonly name: string; of(used: UsageTotals): number; say(amount: number): string }>
> = {
  cost: {
    name: 'Cost',
    of: (used) => Number(used.cost_usd ?? 0),
    say: (amount) => formatCost(String(amount)),
  },
  tokens: { name: 'Tokens', of: (used) => used.total_tokens, say: (amount) => `${formatCount(amount)} tokens` },
  calls: { name: 'Calls', of: (used) => used.calls, say: (amount) => `${formatCount(amount)} calls` },
};

interface DayChartProps {
  readonly range: UsageRange;
  readonly groups: readonly UsageGroup[];
  readonly totals: UsageTotals;
  readonly search: UsageView;
}

/** A bar a day. Where no price is known it counts tokens unless it is told what to count. */
export function DayChart({ range, groups, totals, search }: DayChartProps) {
  const measure = search.draw ?? (Number(totals.cost_usd ?? 0) > 0 ? 'cost' : 'tokens');
  const { of, say } = LOOKS[measure];
  const days = everyDay(range, groups).map(({ day, used }) => ({ day, amount: used === undefined ? 0 : of(used) }));
  const most = days.reduce((best, each) => (each.amount > best.amount ? each : best));
  return (
    <section aria-labelledby="by-day" className={classes.section}>
      <div className={classes.head}>
        <h2 id="by-day">By day</h2>
        <FilterTabs label="What is drawn">
          {MEASURES.map((name) => (
            <Link
              key={name}
              to="/admin/usage"
              search={{ ...search, draw: name }}
              activeProps={{}}
              aria-current={name === measure ? 'true' : undefined}
            >
              {LOOKS[name].name}
            </Link>
          ))}
        </FilterTabs>
      </div>
      <figure className={classes.chart}>
        <div className={classes.scale} aria-hidden="true">
          <span>{say(most.amount)}</span>
          <span>0</span>
        </div>
        <svg
          className={classes.bars}
          viewBox={`0 0 ${days.length} 100`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`${LOOKS[measure].name} by day: ${say(of(totals))} in all, most on ${most.day} with ${say(most.amount)}`}
        >
          {days.map(({ day, amount }, index) => (
            <g key={day}>
              <title>{`${day}: ${say(amount)}`}</title>
              <rect className={classes.ground} x={index} y={0} width={1} height={100} />
              <rect
                className={classes.bar}
                x={index + 0.1}
                width={0.8}
                y={100 - heightOf(amount, most.amount)}
                height={heightOf(amount, most.amount)}
              />
            </g>
          ))}
        </svg>
        <figcaption className={classes.days} aria-hidden="true">
          <span>{days[0]?.day}</span>
          {days.length > 2 && <span>{days[Math.floor((days.length - 1) / 2)]?.day}</span>}
          {days.length > 1 && <span>{days.at(-1)?.day}</span>}
        </figcaption>
      </figure>
      <details className={classes.numbers}>
        <summary>The same as a table</summary>
        <div tabIndex={0} role="group" aria-label={`${LOOKS[measure].name} by day`}>
          <table>
            <thead>
              <tr>
                <th scope="col">Day (UTC)</th>
                <th scope="col">{LOOKS[measure].name}</th>
              </tr>
            </thead>
            <tbody>
              {days.map(({ day, amount }) => (
                <tr key={day}>
                  <th scope="row">{day}</th>
                  <td>{say(amount)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </section>
  );
}

/** Of 100; what is there at all is seen. */
function heightOf(amount: number, most: number): number {
  return amount === 0 ? 0 : Math.max(1.5, (amount / most) * 100);
}
