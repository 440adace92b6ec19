import type { ModelCall } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { callsQuery, CALLS_PER_PAGE } from '../../api/usage.ts';
import { Ago } from '../../ui/ago.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { formatCost, formatCount, formatDuration } from '../../ui/format.ts';
import { Pager } from '../../ui/pager.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { Status, type StatusName } from '../../ui/status.tsx';
import table from '../../ui/table.module.css';
import { useRowKeys } from '../../ui/use-row-keys.ts';
import { CallFilters } from './call-filters.tsx';
import type { UsagePageProps } from './view.ts';
import page from './usage-page.module.css';

/** Each attempt at a model call, newest first, of any day. */
export function CallLedger({ search, onSearch }: UsagePageProps) {
  const { agent, model, outcome, run, offset = 0 } = search;
  const calls = useQuery(callsQuery({ agent, model, outcome, run, offset }));
  const rows = useRowKeys<HTMLDivElement>();
  const narrowed = [agent, model, outcome, run].some((filter) => filter !== undefined);
  return (
    <section aria-labelledby="calls" className={page.section}>
      <div className={page.head}>
        <h2 id="calls">Calls</h2>
      </div>
      <CallFilters search={search} onSearch={onSearch} />
      {calls.isPending && <SkeletonRows rows={6} height={44} label="Loading the calls" />}
      {calls.isError && (
        <ErrorPanel title="The calls could not be loaded" error={calls.error} onRetry={() => void calls.refetch()} />
      )}
      {!calls.isError && calls.data?.calls.length === 0 && (
        <p className={page.none}>
          {narrowed ? 'No call matches.' : offset > 0 ? 'There are no older calls.' : 'No model has been called yet.'}
        </p>
      )}
      {!calls.isError && calls.data !== undefined && calls.data.calls.length > 0 && (
        <div className={table.frame} ref={rows}>
          <table className={table.table}>
            <thead>
              <tr>
                <th scope="col">Outcome</th>
                <th scope="col">Model</th>
                <th scope="col" className={table.wide}>
                  Agent
                </th>
                <th scope="col" className={`${table.number} ${table.wide}`}>
                  In
                </th>
                <th scope="col" className={`${table.number} ${table.wide}`}>
                  Out
                </th>
                <th scope="col" className={`${table.number} ${table.wide}`}>
                  First token
                </th>
                <th scope="col" className={`${table.number} ${table.wide}`}>
                  Time
                </th>
                <th scope="col" className={table.number}>
                  Cost
                </th>
                <th scope="col" className={`${table.number} ${table.wide}`}>
                  Began
                </th>
              </tr>
            </thead>
            <tbody>
              {calls.data.calls.map((call) => (
                <Row key={call.id} call={call} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {!calls.isError && calls.data !== undefined && (
        <Pager
          total={calls.data.total}
          limit={CALLS_PER_PAGE}
          offset={offset}
          onOffset={(next) => onSearch({ offset: next || undefined })}
        />
      )}
    </section>
  );
}

function Row({ call }: { readonly call: ModelCall }) {
  const { input_tokens: input, output_tokens: output, first_token_ms: first, latency_ms: time } = call;
  return (
    <tr>
      <td>
        <CallOutcome call={call} />
      </td>
      <td className={table.main}>
        {call.run_id === null ? (
          call.model
        ) : (
          <Link to="/runs/$runId" params={{ runId: call.run_id }} className={table.link} data-row>
            {call.model}
          </Link>
        )}
        <span className={table.sub}>
          {[
            call.provider,
            call.step !== null && `step ${call.step}`,
            call.attempt > 1 && `attempt ${call.attempt}`,
            call.estimated && 'estimated',
          ]
            .filter(Boolean)
            .join(', ')}
        </span>
        <span className={`${table.sub} ${table.narrowOnly}`}>
          {call.agent_id ?? 'no agent'} · {known(input, formatCount)} in · {known(output, formatCount)} out ·{' '}
          <Ago time={call.created_at} />
        </span>
      </td>
      <td className={table.wide}>{call.agent_id ?? '–'}</td>
      <td className={`${table.number} ${table.wide}`}>{known(input, formatCount)}</td>
      <td className={`${table.number} ${table.wide}`}>{known(output, formatCount)}</td>
      <td className={`${table.number} ${table.wide}`}>{known(first, formatDuration)}</td>
      <td className={`${table.number} ${table.wide}`}>{known(time, formatDuration)}</td>
      <td className={table.number}>
        {call.status === 'open' ? '–' : call.cost_usd === null ? 'no price' : formatCost(call.cost_usd)}
      </td>
      <td className={`${table.number} ${table.wide}`}>
        <Ago time={call.created_at} />
      </td>
    </tr>
  );
}

const SIGNS: Readonly<Record<string, StatusName>> = {
  ok: 'success',
  cancelled: 'cancelled',
  abandoned: 'cancelled',
  crashed: 'unknown',
};

/** How an attempt ended, in the ledger's own word where it is none of everyday. */
function CallOutcome({ call: { status, outcome } }: { readonly call: ModelCall }) {
  if (status === 'open' || outcome === null) return <Status status="running" text="Under way" />;
  return outcome === 'ok' ? (
    <Status status="success" />
  ) : (
    <Status status={SIGNS[outcome] ?? 'error'} text={outcome.replaceAll('_', ' ')} />
  );
}

function known(number: number | null, format: (number: number) => string): string {
  return number === null ? '–' : format(number);
}
