import type { Task } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { taskQuery, workflowQuery } from '../../api/tasks.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { formatCount, shortId } from '../../ui/format.ts';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { Status } from '../../ui/status.tsx';
import type { BoardSearch } from './view.ts';
import classes from './task-details.module.css';
import { TaskStatus } from './task-status.tsx';

const SHOWN = 12;

/** The tasks that must end before this one. */
export function Dependencies({ ids, search }: { readonly ids: readonly string[]; readonly search: BoardSearch }) {
  return (
    <section aria-labelledby="task-dependencies">
      <h3 id="task-dependencies" className={classes.heading}>
        Waits for
      </h3>
      <ul className={classes.list}>
        {ids.slice(0, SHOWN).map((id) => (
          <Dependency key={id} id={id} search={search} />
        ))}
      </ul>
      {ids.length > SHOWN && <p className={classes.none}>and {formatCount(ids.length - SHOWN)} more</p>}
    </section>
  );
}

function Dependency({ id, search }: { readonly id: string; readonly search: BoardSearch }) {
  const task = useQuery(taskQuery(id)).data?.task;
  return (
    <li>
      {task === undefined ? <Status status="queued" text="…" /> : <TaskStatus task={task} />}
      <Link to="/admin/agents/tasks" search={{ ...search, task: id }}>
        {task?.title ?? shortId(id)}
      </Link>
    </li>
  );
}

interface WorkflowMembersProps {
  readonly task: Task;
  readonly workflowId: string;
  readonly search: BoardSearch;
}

/** The other tasks of a task's workflow. */
export function WorkflowMembers({ task, workflowId, search }: WorkflowMembersProps) {
  const workflow = useQuery(workflowQuery(workflowId));
  const members = workflow.data?.tasks ?? [];
  return (
    <section aria-labelledby="task-workflow">
      <h3 id="task-workflow" className={classes.heading}>
        Workflow{workflow.data === undefined ? '' : `: ${workflow.data.title}`}
      </h3>
      {workflow.isPending && <SkeletonRows rows={3} height={28} label="Loading the workflow" />}
      {workflow.isError && (
        <ErrorPanel
          title="The workflow could not be loaded"
          error={workflow.error}
          onRetry={() => void workflow.refetch()}
        />
      )}
      <ul className={classes.list}>
        {members.slice(0, SHOWN).map((member) => (
          <li key={member.id} aria-current={member.id === task.id ? 'true' : undefined}>
            <TaskStatus task={member} />
            <Link to="/admin/agents/tasks" search={{ ...search, task: member.id }}>
              {member.title}
            </Link>
            <code>{member.key}</code>
          </li>
        ))}
      </ul>
      <p className={classes.none}>
        <Link to="/admin/agents/tasks" search={{ workflow: workflowId }}>
          {members.length > SHOWN ? `All ${formatCount(members.length)} in the list` : 'Show in the list'}
        </Link>
      </p>
    </section>
  );
}
