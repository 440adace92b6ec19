import type { UsageGroup } from '@reeve/contract';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { usageGroupsQuery, type GroupBy, type UsageRange } from '../../api/usage.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { FilterTabs } from '../../ui/filter-tabs.tsx';
import { formatCost, formatCount, formatDuration } from '../../ui/format.ts';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import table from '../../ui/table.module.css';
import { ShowMore } from '../../ui/show-more.tsx';
import type { UsageView } from './view.ts';
import classes from './usage-page.module.css';

/** What usage can be summed up by, with the heading of its column. */
const GROUPS = {
  agent: 'Agent',
  model: 'Model',
  provider: 'Provider',
  user: 'User',
  day: 'Day',
} as const satisfies Record<GroupBy, string>;

interface UsageGroupsProps {
  readonly range: UsageRange;
  readonly search: UsageView;
}

/** Usage by agent, model, …; an agent or a model leads to its calls. */
export function UsageGroups({ range, search }: UsageGroupsProps) {
  const by = search.by ?? 'agent';
  const query = useInfiniteQuery(usageGroupsQuery(range, by));
  const groups = query.data?.pages.flatMap((page) => page.groups) ?? [];
  return (
    <section aria-labelledby="groups" className={classes.section}>
      <div className={classes.head}>
        <h2 id="groups">By {GROUPS[by].toLowerCase()}</h2>
        <FilterTabs label="Summed up by">
          {Object.entries(GROUPS).map(([name, words]) => (
            <Link
              key={name}
              to="/admin/usage"
              search={{ ...search, by: name as GroupBy }}
              activeProps={{}}
              aria-current={name === by ? 'true' : undefined}
            >
              {words}
            </Link>
          ))}
        </FilterTabs>
      </div>
      {query.isPending && <SkeletonRows rows={3} height={44} label="Loading the groups" />}
      {query.isError && (
        <ErrorPanel title="The groups could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
      )}
      {groups.length > 0 && (
        <div className={table.frame}>
          <table className={table.table}>
            <thead>
              <tr>
                <th scope="col">{GROUPS[by]}</th>
                <th scope="col" className={table.number}>
                  Calls
                </th>
                <th scope="col" className={`${table.number} ${table.wide}`}>
                  Errors
                </th>
                <th scope="col" className={`${table.number} ${table.wide}`}>
                  Tokens in
                </th>
                <th scope="col" className={`${table.number} ${table.wide}`}>
                  Tokens out
                </th>
                <th scope="col" className={`${table.number} ${table.wide}`}>
                  Time a call
                </th>
                <th scope="col" className={table.number}>
                  Cost
                </th>
              </tr>
            </thead>
            <tbody>
              {groups.map((group) => (
                <Row key={group.key} group={group} name={nameOf(group.key, by, search)} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      <ShowMore query={query} size="xs" mt="sm" />
    </section>
  );
}

function nameOf(key: string | null, by: GroupBy, search: UsageView): ReactNode {
  if (key === null) return 'none';
  if (by !== 'agent' && by !== 'model') return key;
  return (
    <Link to="/admin/usage" search={{ ...search, [by]: key, offset: undefined }} hash="calls">
      {key}
    </Link>
  );
}

function Row({ group, name }: { readonly group: UsageGroup; readonly name: ReactNode }) {
  return (
    <tr>
      <td className={table.main}>
        {name}
        <span className={`${table.sub} ${table.narrowOnly}`}>
          {formatCount(group.input_tokens)} in · {formatCount(group.output_tokens)} out
        </span>
      </td>
      <td className={table.number}>{formatCount(group.calls)}</td>
      <td className={`${table.number} ${table.wide}`}>{formatCount(group.errors)}</td>
      <td className={`${table.number} ${table.wide}`}>{formatCount(group.input_tokens)}</td>
      <td className={`${table.number} ${table.wide}`}>{formatCount(group.output_tokens)}</td>
      <td className={`${table.number} ${table.wide}`}>
        {group.latency_ms.p50 === null ? '–' : formatDuration(group.latency_ms.p50)}
      </td>
      <td className={table.number}>{group.cost_usd === null ? 'no price' : formatCost(group.cost_usd)}</td>
    </tr>
  );
}
