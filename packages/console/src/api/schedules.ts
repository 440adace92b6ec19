import { routes, type BodyInputOf } from '@reeve/contract';
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { api } from './connection.ts';
import { nextOffset } from './paging.ts';

const SCHEDULES_PER_PAGE = 100;

/** Schedules, newest first, read every 10 s. */
export const schedulesQuery = infiniteQueryOptions({
  queryKey: ['schedules', 'list'],
  queryFn: ({ pageParam, signal }) =>
    api().call(routes.listSchedules, { query: { limit: SCHEDULES_PER_PAGE, offset: pageParam }, signal }),
  initialPageParam: 0,
  getNextPageParam: (page) => nextOffset(page, page.schedules.length),
  refetchInterval: 10_000,
});

/** One schedule, as it is when its form opens. */
export const scheduleQuery = (id: string) =>
  queryOptions({
    queryKey: ['schedules', 'one', id],
    queryFn: ({ signal }) => api().call(routes.getSchedule, { params: { id }, signal }),
    staleTime: 0,
    gcTime: 0,
  });

/** Ready-made kinds of schedules. */
export const scheduleTypesQuery = queryOptions({
  queryKey: ['schedules', 'types'],
  queryFn: async ({ signal }) => (await api().call(routes.listScheduleTypes, { query: { limit: 200 }, signal })).types,
  staleTime: 60_000,
});

export type NewSchedule = BodyInputOf<typeof routes.createSchedule>;
export type ScheduleChange = BodyInputOf<typeof routes.updateSchedule>;

export const createSchedule = (body: NewSchedule) => api().call(routes.createSchedule, { body });
export const changeSchedule = (id: string, body: ScheduleChange) =>
  api().call(routes.updateSchedule, { params: { id }, body });
export const deleteSchedule = (id: string) => api().call(routes.deleteSchedule, { params: { id } });

/** What is due now; makes its tasks unless `dryRun`. */
export const runDue = async (dryRun: boolean) =>
  (await api().call(routes.runDueSchedules, { body: { dry_run: dryRun } })).due;
