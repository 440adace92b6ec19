import { routes, type Approval, type ApprovalStatus, type BodyInputOf } from '@reeve/contract';
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { api } from './connection.ts';
import { nextOffset } from './paging.ts';

const LOOK_MS = 5_000;
const REST_MS = 30_000;
const APPROVALS_PER_PAGE = 50;
const ASKED = ['pending', 'approved', 'rejected'] as const satisfies readonly ApprovalStatus[];

/** Approvals of a status, those that wait oldest first, others newest first; the feed has them read when one changes. */
export const approvalsQuery = (status: ApprovalStatus, live: boolean) =>
  infiniteQueryOptions({
    queryKey: ['approvals', 'list', status],
    queryFn: ({ pageParam, signal }) =>
      api().call(routes.listApprovals, { query: { status, limit: APPROVALS_PER_PAGE, offset: pageParam }, signal }),
    initialPageParam: 0,
    getNextPageParam: (page) => nextOffset(page, page.approvals.length),
    refetchInterval: live ? REST_MS : LOOK_MS,
  });

/** How many decisions are waited for. */
export const pendingApprovalsQuery = (live: boolean) =>
  queryOptions({
    queryKey: ['approvals', 'count'],
    queryFn: async ({ signal }) =>
      (await api().call(routes.listApprovals, { query: { status: 'pending', limit: 1 }, signal })).total,
    refetchInterval: live ? 2 * REST_MS : 2 * LOOK_MS,
  });

/** What people were asked about the tool calls of a run, and what they said; the feed has it read when one changes. */
export const runApprovalsQuery = (runId: string) =>
  queryOptions({
    queryKey: ['approvals', 'of-run', runId],
    queryFn: async ({ signal }): Promise<Approval[]> => {
      const pages = await Promise.all(
        ASKED.map((status) =>
          api().call(routes.listApprovals, { query: { run_id: runId, status, limit: 200 }, signal }),
        ),
      );
      return pages.flatMap(({ approvals }) => approvals).filter(({ kind }) => kind !== 'task');
    },
    refetchInterval: ({ state }) => (state.data?.some(({ status }) => status === 'pending') === true ? LOOK_MS : false),
  });

export interface Deciding {
  readonly id: string;
  readonly body: BodyInputOf<typeof routes.decideApproval>;
}

/** Decides; throws ClientError 409 where somebody or the time has decided before. */
export const decideApproval = ({ id, body }: Deciding): Promise<Approval> =>
  api().call(routes.decideApproval, { params: { id }, body });
