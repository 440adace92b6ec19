import { routes, type ChainVerification, type QueryInputOf } from '@reeve/contract';
import { queryOptions } from '@tanstack/react-query';
import { api } from './connection.ts';

const LOOK_MS = 10_000;

/** Entries per page of the log. */
export const AUDIT_PER_PAGE = 50;

/** What the log is narrowed down by. Times are RFC 3339; `from` is included, `to` is not. */
export interface AuditFilter {
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  readonly trace?: string | undefined;
  readonly task?: string | undefined;
  readonly run?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** A page of the log, newest first. It is not read again by itself: what is looked at stays where it is. */
export const auditQuery = (filter: AuditFilter, offset: number) =>
  queryOptions({
    queryKey: ['audit', 'page', queryOf(filter), offset],
    queryFn: ({ signal }) =>
      api().call(routes.listAudit, { query: { ...queryOf(filter), limit: AUDIT_PER_PAGE, offset }, signal }),
    placeholderData: (previous) => previous,
    staleTime: LOOK_MS,
    refetchOnWindowFocus: false,
  });

/** The newest entry that a filter lets through; null: none. */
export const newestAuditQuery = (filter: AuditFilter) =>
  queryOptions({
    queryKey: ['audit', 'newest', queryOf(filter)],
    queryFn: async ({ signal }) => {
      const { entries } = await api().call(routes.listAudit, { query: { ...queryOf(filter), limit: 1 }, signal });
      return entries[0]?.id ?? null;
    },
    refetchInterval: LOOK_MS,
  });

/** Looks at the chain from a number on, at most so many rows of it. */
export const verifyAudit = (
  query: QueryInputOf<typeof routes.verifyAudit>,
  signal: AbortSignal,
): Promise<ChainVerification> => api().call(routes.verifyAudit, { query, signal });

/** The lines of an export, as they come. */
export const exportAudit = ({ from, to }: AuditFilter, signal: AbortSignal): AsyncGenerator<string, void> =>
  api().lines(routes.exportAudit, { query: { ...(from && { from }), ...(to && { to }) }, signal });

function queryOf({ actor, action, trace, task, run, from, to }: AuditFilter) {
  return {
    ...(actor && { actor }),
    ...(action && { action }),
    ...(trace && { trace_id: trace }),
    ...(task && { task_id: task }),
    ...(run && { run_id: run }),
    ...(from && { from }),
    ...(to && { to }),
  };
}
