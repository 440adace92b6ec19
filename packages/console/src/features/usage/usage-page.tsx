import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { usageQuery, type UsageRange } from '../../api/usage.ts';
import { Empty } from '../../ui/empty.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Page } from '../../ui/page.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { useNow } from '../../ui/use-now.ts';
import { Budgets } from './budgets.tsx';
import { CallLedger } from './call-ledger.tsx';
import { DayChart } from './day-chart.tsx';
import { RangePicker } from './range-picker.tsx';
import { UsageGroups } from './usage-groups.tsx';
import classes from './usage-page.module.css';
import { dayOf, daysShown, rangeOf } from './usage-range.ts';
import { UsageTotalsView } from './usage-totals.tsx';
import type { UsageView, UsagePageProps } from './view.ts';

/** What model calls used and cost, the budgets that bound them, and each call. */
export function UsagePage({ search, onSearch }: UsagePageProps) {
  const today = dayOf(useNow());
  const shown = daysShown(search, today);
  const range = rangeOf(shown);
  return (
    <Page
      title="Usage"
      lead="What model calls used and cost. Days are in UTC."
      actions={<RangePicker shown={shown} today={today} search={search} onSearch={onSearch} />}
    >
      <div className={classes.sections}>
        {'fault' in range ? (
          <ErrorPanel title="These days can’t be shown" error={new Error(range.fault)} />
        ) : (
          <Used range={range} search={search} />
        )}
        <Budgets search={search} onSearch={onSearch} />
        <CallLedger search={search} onSearch={onSearch} />
      </div>
    </Page>
  );
}

function Used({ range, search }: { readonly range: UsageRange; readonly search: UsageView }) {
  const usage = useQuery(usageQuery(range));
  if (usage.data === undefined)
    return usage.isError ? (
      <ErrorPanel title="The usage could not be loaded" error={usage.error} onRetry={() => void usage.refetch()} />
    ) : (
      <SkeletonRows rows={2} height={110} label="Loading the usage" />
    );
  const { totals, days } = usage.data;
  return (
    <>
      {usage.isError && <ErrorPanel title="What you see may be old" error={usage.error} />}
      <UsageTotalsView totals={totals} />
      {totals.calls === 0 ? (
        <Empty title="No model was called on these days." command="reeve usage --by agent">
          <Link to="/chat/{-$sessionId}" params={{ sessionId: undefined }}>
            Start a chat
          </Link>
        </Empty>
      ) : (
        <>
          <DayChart range={range} groups={days} totals={totals} search={search} />
          <UsageGroups range={range} search={search} />
        </>
      )}
    </>
  );
}
