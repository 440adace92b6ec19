import { routes, type Budget, type BodyInputOf, type UsageGroup } from '@reeve/contract';
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { api } from './connection.ts';
import { nextOffset } from './paging.ts';

const LOOK_MS = 10_000;
const GROUPS_PER_PAGE = 50;
const DAYS_PER_PAGE = 200;

/** Calls per page of the ledger. */
export const CALLS_PER_PAGE = 50;

/** Days in UTC: `from` is the first one, `until` the first one that is not counted any more. */
export interface UsageRange {
  readonly from: string;
  readonly until: string;
}

export type GroupBy = 'agent' | 'model' | 'provider' | 'user' | 'day';

/** What model calls of a range used in all, and by day. */
export const usageQuery = ({ from, until }: UsageRange) =>
  queryOptions({
    queryKey: ['usage', 'days', from, until],
    queryFn: async ({ signal }) => {
      const read = (offset: number) =>
        api().call(routes.getUsage, {
          query: { from, to: until, group_by: 'day', limit: DAYS_PER_PAGE, offset },
          signal,
        });
      const first = await read(0);
      const days: UsageGroup[] = [...first.groups];
      while (days.length < first.total) {
        const { groups } = await read(days.length);
        if (groups.length === 0) break;
        days.push(...groups);
      }
      return { totals: first.totals, days };
    },
    placeholderData: (previous) => previous,
    refetchInterval: LOOK_MS,
  });

/** The same by agent, model, …, the dearest first. */
export const usageGroupsQuery = ({ from, until }: UsageRange, by: GroupBy) =>
  infiniteQueryOptions({
    queryKey: ['usage', 'groups', from, until, by],
    queryFn: ({ pageParam, signal }) =>
      api().call(routes.getUsage, {
        query: { from, to: until, group_by: by, limit: GROUPS_PER_PAGE, offset: pageParam },
        signal,
      }),
    initialPageParam: 0,
    getNextPageParam: (page) => nextOffset(page, page.groups.length),
    refetchInterval: LOOK_MS,
  });

export interface CallFilter {
  readonly agent?: string | undefined;
  readonly model?: string | undefined;
  readonly outcome?: string | undefined;
  readonly run?: string | undefined;
  readonly offset: number;
}

/** A page of the ledger, newest first. */
export const callsQuery = ({ agent, model, outcome, run, offset }: CallFilter) =>
  queryOptions({
    queryKey: ['usage', 'calls', agent ?? '', model ?? '', outcome ?? '', run ?? '', offset],
    queryFn: ({ signal }) =>
      api().call(routes.listModelCalls, {
        query: {
          limit: CALLS_PER_PAGE,
          offset,
          ...(agent && { agent_id: agent }),
          ...(model && { model }),
          ...(outcome && { outcome }),
          ...(run && { run_id: run }),
        },
        signal,
      }),
    placeholderData: (previous) => previous,
    refetchInterval: LOOK_MS,
  });

/** Budgets, the widest first. */
export const budgetsQuery = infiniteQueryOptions({
  queryKey: ['usage', 'budgets'],
  queryFn: ({ pageParam, signal }) =>
    api().call(routes.listBudgets, { query: { limit: GROUPS_PER_PAGE, offset: pageParam }, signal }),
  initialPageParam: 0,
  getNextPageParam: (page) => nextOffset(page, page.budgets.length),
  refetchInterval: LOOK_MS,
});

export type BudgetChange = BodyInputOf<typeof routes.putBudget>;

export const putBudget = (body: BudgetChange): Promise<Budget> => api().call(routes.putBudget, { body });
