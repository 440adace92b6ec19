import { Button, Select, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { TASK_STATUSES } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { agentsQuery } from '../../api/agents.ts';
import { tasksQuery, taskStatsQuery, TASKS_PER_PAGE, type TaskFilter } from '../../api/tasks.ts';
import { Empty } from '../../ui/empty.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { FilterTabs } from '../../ui/filter-tabs.tsx';
import { formatCount, formatDuration } from '../../ui/format.ts';
import { AgentIcon, PlusIcon, SearchIcon } from '../../ui/icons.ts';
import { Page } from '../../ui/page.tsx';
import { Pager } from '../../ui/pager.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { Status, statusText } from '../../ui/status.tsx';
import classes from './task-board.module.css';
import { TaskDrawer } from './task-drawer.tsx';
import { TaskForm } from './task-form.tsx';
import { TaskTable } from './task-table.tsx';

/** What the board shows, all of it from the address. */
export interface BoardSearch extends Omit<TaskFilter, 'offset'> {
  readonly offset?: number | undefined;
  readonly task?: string | undefined;
  readonly create?: true | undefined;
}

interface TaskBoardProps {
  readonly search: BoardSearch;
  readonly onSearch: (change: BoardSearch, replace?: boolean) => void;
}

/** The queue: tasks with their live status, filters, a task's details, and the form for a new one. */
export function TaskBoard({ search, onSearch }: TaskBoardProps) {
  const { status, agent, q, offset = 0 } = search;
  const tasks = useQuery(tasksQuery({ status, agent, q, offset }));
  const stats = useQuery(taskStatsQuery);
  const agents = useQuery(agentsQuery);
  const onText = useDebouncedCallback(
    (text: string) => onSearch({ q: text || undefined, offset: undefined }, true),
    250,
  );
  const filtered = status !== undefined || agent !== undefined || q !== undefined;
  const options = (agents.data ?? []).map((known) => ({ value: known.slug, label: known.name }));
  const oldest = stats.data?.oldest_pending_age_s ?? null;
  return (
    <Page
      title="Tasks"
      lead={
        stats.data === undefined
          ? 'The queue of work.'
          : `${formatCount(stats.data.completed_last_hour)} completed in the last hour${oldest === null ? '' : `, the oldest pending one waits for ${formatDuration(oldest * 1000)}`}`
      }
      actions={
        <Button leftSection={<PlusIcon size={16} />} onClick={() => onSearch({ create: true })}>
          New task
        </Button>
      }
    >
      <div className={classes.filters}>
        <FilterTabs label="Tasks by status">
          <Link to="/admin/agents/tasks" search={{ agent, q }} aria-current={status === undefined ? 'true' : undefined}>
            All
          </Link>
          {TASK_STATUSES.map((name) => (
            <Link
              key={name}
              to="/admin/agents/tasks"
              search={{ status: name, agent, q }}
              aria-current={status === name ? 'true' : undefined}
            >
              <Status status={name} text={statusText(name)} />
              <span>{formatCount(stats.data?.by_status[name] ?? 0)}</span>
            </Link>
          ))}
        </FilterTabs>
        <div className={classes.fields}>
          <TextInput
            aria-label="Search titles"
            placeholder="Search titles"
            type="search"
            leftSection={<SearchIcon size={15} />}
            defaultValue={q ?? ''}
            onChange={(event) => onText(event.currentTarget.value)}
          />
          <Select
            aria-label="Agent"
            placeholder="Any agent"
            clearable
            searchable
            leftSection={<AgentIcon size={15} />}
            clearButtonProps={{ 'aria-label': 'Any agent' }}
            data={
              agent === undefined || options.some((option) => option.value === agent)
                ? options
                : [...options, { value: agent, label: agent }]
            }
            value={agent ?? null}
            onChange={(slug) => onSearch({ agent: slug ?? undefined, offset: undefined })}
          />
        </div>
      </div>
      {tasks.isPending && <SkeletonRows rows={8} height={52} label="Loading tasks" />}
      {tasks.isError && (
        <ErrorPanel title="The tasks could not be loaded" error={tasks.error} onRetry={() => void tasks.refetch()} />
      )}
      {tasks.data?.tasks.length === 0 &&
        (filtered || offset > 0 ? (
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
            <Button variant="default" onClick={() => onSearch({ create: true })}>
              Create a task
            </Button>
          </Empty>
        ))}
      {tasks.data !== undefined && tasks.data.tasks.length > 0 && (
        <TaskTable tasks={tasks.data.tasks} agents={agents.data ?? []} search={search} />
      )}
      {tasks.data !== undefined && (
        <Pager
          total={tasks.data.total}
          limit={TASKS_PER_PAGE}
          offset={offset}
          onOffset={(next) => onSearch({ offset: next || undefined })}
        />
      )}
      <TaskDrawer taskId={search.task} onClose={() => onSearch({ task: undefined })} />
      <TaskForm
        opened={search.create === true}
        onClose={() => onSearch({ create: undefined })}
        onCreated={(task) => onSearch({ create: undefined, task: task.id }, true)}
      />
    </Page>
  );
}
