import { RUN_STATUSES, type Run, type RunStatus } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { runsQuery, RUNS_PER_PAGE } from '../../api/runs.ts';
import { Ago } from '../../ui/ago.tsx';
import { Empty } from '../../ui/empty.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { EXACT, FilterTabs } from '../../ui/filter-tabs.tsx';
import { firstLine, firstLineOfMarkdown, formatCount, formatDuration } from '../../ui/format.ts';
import { Page } from '../../ui/page.tsx';
import { Pager } from '../../ui/pager.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { Status, statusText } from '../../ui/status.tsx';
import table from '../../ui/table.module.css';
import { useRowKeys } from '../../ui/use-row-keys.ts';
import classes from './run-list.module.css';
import { RunState } from './run-state.tsx';

interface RunListProps {
  readonly status: RunStatus | undefined;
  readonly offset: number;
  readonly onOffset: (offset: number) => void;
}

/** Runs, newest first, by status. */
export function RunList({ status, offset, onOffset }: RunListProps) {
  const runs = useQuery(runsQuery({ status, offset }));
  const rows = useRowKeys<HTMLDivElement>();
  return (
    <Page title="Runs" lead="Each execution of an agent, step by step.">
      <div className={classes.filters}>
        <FilterTabs label="Runs by status">
          <Link to="/runs" search={{}} activeOptions={EXACT}>
            All
          </Link>
          {RUN_STATUSES.map((name) => (
            <Link key={name} to="/runs" search={{ status: name }} activeOptions={EXACT}>
              <Status status={name} text={statusText(name)} />
            </Link>
          ))}
        </FilterTabs>
      </div>
      {runs.isPending && <SkeletonRows rows={8} height={48} label="Loading runs" />}
      {runs.isError && (
        <ErrorPanel title="The runs could not be loaded" error={runs.error} onRetry={() => void runs.refetch()} />
      )}
      {runs.data?.runs.length === 0 &&
        (status === undefined && offset === 0 ? (
          <Empty
            title="No agent has run yet. Ask one something, and its run will be listed here."
            command={'reeve run "What is 17 * 23?"'}
          >
            <Link to="/chat/{-$sessionId}" params={{ sessionId: undefined }}>
              Start a chat
            </Link>
          </Empty>
        ) : (
          <Empty
            title={status === undefined ? 'There are no more runs.' : `No run is ${statusText(status).toLowerCase()}.`}
          >
            <Link to="/runs" search={{}}>
              Show all runs
            </Link>
          </Empty>
        ))}
      {runs.data !== undefined && runs.data.runs.length > 0 && (
        <div className={table.frame} ref={rows}>
          <table className={table.table}>
            <thead>
              <tr>
                <th scope="col">Status</th>
                <th scope="col">Input</th>
                <th scope="col" className={table.wide}>
                  Agent
                </th>
                <th scope="col" className={`${table.number} ${table.wide}`}>
                  Steps
                </th>
                <th scope="col" className={`${table.number} ${table.wide}`}>
                  Tokens
                </th>
                <th scope="col" className={`${table.number} ${table.wide}`}>
                  Duration
                </th>
                <th scope="col" className={table.number}>
                  Created
                </th>
              </tr>
            </thead>
            <tbody>
              {runs.data.runs.map((run) => (
                <Row key={run.id} run={run} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {runs.data !== undefined && (
        <Pager total={runs.data.total} limit={RUNS_PER_PAGE} offset={offset} onOffset={onOffset} />
      )}
    </Page>
  );
}

function Row({ run }: { readonly run: Run }) {
  const { total_tokens: tokens } = run.usage;
  return (
    <tr>
      <td>
        <RunState run={run} />
      </td>
      <td className={table.main}>
        <Link to="/runs/$runId" params={{ runId: run.id }} className={table.link} data-row>
          {firstLine(run.input) || 'no input'}
        </Link>
        <span className={table.sub}>
          {run.error?.message ?? (run.result === null ? run.door : firstLineOfMarkdown(run.result))}
        </span>
        <span className={`${table.sub} ${table.narrowOnly}`}>{run.agent}</span>
      </td>
      <td className={table.wide}>{run.agent}</td>
      <td className={`${table.number} ${table.wide}`}>{formatCount(run.steps)}</td>
      <td className={`${table.number} ${table.wide}`}>{formatCount(tokens)}</td>
      <td className={`${table.number} ${table.wide}`}>
        {run.duration_ms === null ? '–' : formatDuration(run.duration_ms)}
      </td>
      <td className={table.number}>
        <Ago time={run.created_at} />
      </td>
    </tr>
  );
}
