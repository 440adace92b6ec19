import { useHotkeys } from '@mantine/hooks';
import type { Approval, ApprovalStatus } from '@reeve/contract';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { agentsQuery, findAgent } from '../../api/agents.ts';
import { approvalsQuery } from '../../api/approvals.ts';
import { useTaskFeed } from '../../api/task-feed.ts';
import { Empty } from '../../ui/empty.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { EXACT, FilterTabs } from '../../ui/filter-tabs.tsx';
import { Page } from '../../ui/page.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { Status, statusText } from '../../ui/status.tsx';
import { useRowKeys } from '../../ui/use-row-keys.ts';
import { ShowMore } from '../../ui/show-more.tsx';
import { ApprovalCard } from './approval-card.tsx';
import classes from './approvals-page.module.css';
import { DecisionDialog, moreOf, type DecisionWay } from './decision-dialog.tsx';
import { useDecide } from './use-decide.ts';

/** The statuses to look at, with the sign of each. */
const STATUSES = [
  ['pending', 'waiting'],
  ['approved', 'approved'],
  ['rejected', 'rejected'],
  ['withdrawn', 'cancelled'],
] as const satisfies readonly (readonly [ApprovalStatus, string])[];

/** Decisions that people are waited for, oldest first, to be made by hand or by keys; and those that were made. */
export function ApprovalsPage({ status }: { readonly status: ApprovalStatus }) {
  const live = useTaskFeed() === 'live';
  const query = useInfiniteQuery(approvalsQuery(status, live));
  const agents = useQuery(agentsQuery);
  const approvals = query.data?.pages.flatMap((page) => page.approvals) ?? [];
  const rows = useRowKeys<HTMLDivElement>();
  const [asking, setAsking] = useState<{ readonly approval: Approval; readonly way: DecisionWay }>();
  const decide = useDecide();

  /** Does something about the approval whose card has the focus, and moves the focus on to the next one, since this one will go. */
  const take = (act: (approval: Approval) => boolean): void => {
    const cards = [...(rows.current?.querySelectorAll<HTMLElement>('[data-row]') ?? [])];
    const at = cards.findIndex((card) => card.contains(document.activeElement));
    const approval = approvals.find(({ id }) => id === cards[at]?.dataset['row']);
    if (approval !== undefined && act(approval)) (cards[at + 1] ?? cards[at - 1])?.focus();
  };
  const ask = (wayOf: (approval: Approval) => DecisionWay | undefined): void =>
    take((approval) => {
      const way = wayOf(approval);
      if (way !== undefined) setAsking({ approval, way });
      return way !== undefined;
    });
  useHotkeys(
    status === 'pending' && asking === undefined
      ? [
          [
            'a',
            () =>
              take((approval) => {
                decide.mutate({ approval, body: { decision: 'approve' } });
                return true;
              }),
          ],
          ['r', () => ask(() => 'reject')],
          ['e', () => ask(({ kind }) => moreOf(kind))],
        ]
      : [],
  );

  return (
    <Page
      title="Approvals"
      lead="What waits for a person’s decision. j and k move, a approves, r rejects, e edits the input or gives the result."
    >
      <div className={classes.filters}>
        <FilterTabs label="Approvals by status">
          {STATUSES.map(([name, sign]) => (
            <Link
              key={name}
              to="/admin/agents/approvals"
              search={name === 'pending' ? {} : { status: name }}
              activeOptions={EXACT}
            >
              <Status status={sign} text={name === 'withdrawn' ? 'Withdrawn' : statusText(sign)} />
            </Link>
          ))}
        </FilterTabs>
      </div>
      {query.isPending && <SkeletonRows rows={4} height={120} label="Loading approvals" />}
      {query.isError && (
        <ErrorPanel
          title={query.data === undefined ? 'The approvals could not be loaded' : 'What you see may be old'}
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      )}
      {query.data !== undefined && approvals.length === 0 && (
        <Empty title={status === 'pending' ? 'Nothing waits for a decision.' : 'There are none of these yet.'}>
          <Link to="/admin/agents/tasks" search={{}}>
            To the tasks
          </Link>
        </Empty>
      )}
      <div className={classes.cards} ref={rows}>
        {approvals.map((approval) => (
          <ApprovalCard
            key={approval.id}
            approval={approval}
            agent={findAgent(agents.data, approval.agent_id)?.name ?? approval.agent_id}
          />
        ))}
      </div>
      <ShowMore query={query} mt="md" />
      {asking !== undefined && <DecisionDialog {...asking} onClose={() => setAsking(undefined)} />}
    </Page>
  );
}
