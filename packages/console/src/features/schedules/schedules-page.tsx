import { Button } from '@mantine/core';
import { routes } from '@reeve/contract';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { agentsQuery } from '../../api/agents.ts';
import { useMay } from '../../api/identity.ts';
import { schedulesQuery } from '../../api/schedules.ts';
import { Empty } from '../../ui/empty.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { PlusIcon } from '../../ui/icons.ts';
import { Page } from '../../ui/page.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { ShowMore } from '../../ui/show-more.tsx';
import { DueDialog } from './due-dialog.tsx';
import { ScheduleForm } from './schedule-form.tsx';
import { ScheduleTable } from './schedule-table.tsx';

export interface SchedulesView {
  readonly schedule?: string | undefined;
  readonly create?: true | undefined;
}

interface SchedulesPageProps {
  readonly search: SchedulesView;
  readonly onSearch: (search: SchedulesView) => void;
}

/** Schedules: when each is due next, what came of it last, and what can be done about them. */
export function SchedulesPage({ search, onSearch }: SchedulesPageProps) {
  const query = useInfiniteQuery(schedulesQuery);
  const agents = useQuery(agentsQuery);
  const [due, setDue] = useState(false);
  const maySet = useMay(routes.createSchedule);
  const schedules = query.data?.pages.flatMap((page) => page.schedules) ?? [];
  return (
    <Page
      title="Schedules"
      lead="Tasks that are made at set times."
      actions={
        <>
          {maySet && (
            <Button variant="default" onClick={() => setDue(true)}>
              What is due
            </Button>
          )}
          {maySet && (
            <Button leftSection={<PlusIcon size={16} />} onClick={() => onSearch({ create: true })}>
              New schedule
            </Button>
          )}
        </>
      }
    >
      {query.isPending && <SkeletonRows rows={5} height={52} label="Loading schedules" />}
      {query.isError && (
        <ErrorPanel
          title={query.data === undefined ? 'The schedules could not be loaded' : 'What you see may be old'}
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      )}
      {query.data !== undefined && schedules.length === 0 && (
        <Empty
          title="Nothing is scheduled. A schedule makes a task each time it is due."
          command="reeve run-due-schedules --dry-run"
        >
          {maySet && (
            <Button variant="default" onClick={() => onSearch({ create: true })}>
              Create a schedule
            </Button>
          )}
        </Empty>
      )}
      {schedules.length > 0 && <ScheduleTable schedules={schedules} agents={agents.data ?? []} mayChange={maySet} />}
      <ShowMore query={query} mt="md" />
      <ScheduleForm
        opened={search.create === true || search.schedule !== undefined}
        scheduleId={search.schedule}
        onClose={() => onSearch({})}
      />
      {due && <DueDialog onClose={() => setDue(false)} />}
    </Page>
  );
}
