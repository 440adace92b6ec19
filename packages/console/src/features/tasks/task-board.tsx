import { Button } from '@mantine/core';
import { routes } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Suspense } from 'react';
import { agentsQuery } from '../../api/agents.ts';
import { useMay } from '../../api/identity.ts';
import { useTaskFeed } from '../../api/task-feed.ts';
import { taskStatsQuery } from '../../api/tasks.ts';
import { Empty } from '../../ui/empty.tsx';
import { PlusIcon } from '../../ui/icons.ts';
import { lazyPart } from '../../ui/lazy-part.ts';
import { Page } from '../../ui/page.tsx';
import { paceOf, TaskCounts } from './task-counts.tsx';
import { TaskDrawer } from './task-drawer.tsx';
import { TaskFilters } from './task-filters.tsx';
import { TaskList } from './task-list.tsx';
import type { BoardSearch } from './view.ts';

const TaskForm = lazyPart(async () => (await import('./task-form.tsx')).TaskForm);

interface TaskBoardProps {
  readonly search: BoardSearch;
  readonly onSearch: (change: BoardSearch, replace?: boolean) => void;
}

/** The queue: counts, filters, the tasks as they change, a task's details, and the form for a new one. */
export function TaskBoard({ search, onSearch }: TaskBoardProps) {
  const { task, create, ...filter } = search;
  const feed = useTaskFeed();
  const mayCreate = useMay(routes.createTask);
  const stats = useQuery(taskStatsQuery(feed === 'live'));
  const agents = useQuery(agentsQuery);
  const filtered = Object.values(filter).some((value) => value !== undefined);
  return (
    <Page
      title="Tasks"
      fill
      lead={stats.data === undefined ? 'The queue of work.' : paceOf(stats.data)}
      actions={
        mayCreate ? (
          <Button leftSection={<PlusIcon size={16} />} onClick={() => onSearch({ create: true })}>
            New task
          </Button>
        ) : undefined
      }
    >
      <TaskCounts stats={stats.data} search={search} />
      <TaskFilters
        search={search}
        agents={agents.data ?? []}
        types={Object.keys(stats.data?.by_type ?? {}).sort()}
        onSearch={onSearch}
      />
      <TaskList
        key={JSON.stringify(filter)}
        filter={filter}
        agents={agents.data ?? []}
        search={search}
        empty={
          filtered ? (
            <Empty title="No task matches.">
              <Link to="/admin/agents/tasks" search={{}}>
                Show all tasks
              </Link>
            </Empty>
          ) : (
            <Empty
              title="The queue is empty. A task waits here until an agent takes it, and stays with its result."
              command={
                'reeve create-task --agent=assistant --type=execute --title="Add it up" --payload=\'{"task": "What is 17 * 23?"}\''
              }
            >
              {mayCreate && (
                <Button variant="default" onClick={() => onSearch({ create: true })}>
                  Create a task
                </Button>
              )}
            </Empty>
          )
        }
      />
      <TaskDrawer taskId={task} search={search} onClose={() => onSearch({ task: undefined })} />
      {create === true && (
        <Suspense fallback={null}>
          <TaskForm
            onClose={() => onSearch({ create: undefined })}
            onCreated={(created) => onSearch({ create: undefined, task: created.id }, true)}
          />
        </Suspense>
      )}
    </Page>
  );
}
