import type { Task, TaskDetail } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { agentsQuery, findAgent } from '../../api/agents.ts';
import { isOpen } from '../../api/tasks.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Facts } from '../../ui/facts.tsx';
import { formatDate } from '../../ui/format.ts';
import { Identifier } from '../../ui/identifier.tsx';
import { TextBlock } from '../../ui/text-block.tsx';
import { PersonaLink } from '../knowledge/persona-link.tsx';
import { TaskActions } from './task-actions.tsx';
import { TaskApproval } from './task-approval.tsx';
import type { BoardSearch } from './view.ts';
import classes from './task-details.module.css';
import { TaskJournal } from './task-journal.tsx';
import { Dependencies, WorkflowMembers } from './task-relations.tsx';
import { TaskRuns } from './task-runs.tsx';
import { TaskStatus } from './task-status.tsx';

interface TaskDetailsProps {
  readonly detail: TaskDetail;
  readonly search: BoardSearch;
  /** Why the newest state could not be read. */
  readonly stale: Error | null;
}

/** All there is to know of a task. */
export function TaskDetails({ detail, search, stale }: TaskDetailsProps) {
  const { task, runs, journal, approval } = detail;
  return (
    <article className={classes.task}>
      <header>
        <h2 className={classes.title}>{task.title}</h2>
        <div className={classes.state}>
          <span className={classes.status}>
            <TaskStatus task={task} />
            {isOpen(task) && <span className={classes.soft}>{whenOf(task)}</span>}
          </span>
          <TaskActions task={task} />
        </div>
      </header>
      {stale !== null && <ErrorPanel title="What you see may be old" error={stale} />}
      {approval !== null && <TaskApproval approval={approval} />}
      {task.description !== null && task.description !== '' && (
        <p className={classes.description}>{task.description}</p>
      )}
      {task.error_message !== null && <ErrorPanel title={failureOf(task)} error={new Error(task.error_message)} />}
      {task.result_summary !== null && <p className={classes.description}>{task.result_summary}</p>}
      {task.result !== null && task.result !== undefined && <TextBlock label="Result" value={task.result} />}
      <TextBlock label="Payload" value={task.payload} />
      {task.depends_on.length > 0 && <Dependencies ids={task.depends_on} search={search} />}
      {task.workflow_id !== null && <WorkflowMembers task={task} workflowId={task.workflow_id} search={search} />}
      <TaskRuns runs={runs} />
      <TaskJournal entries={journal} />
      <TaskFacts task={task} />
    </article>
  );
}

function TaskFacts({ task }: { readonly task: Task }) {
  const agents = useQuery(agentsQuery);
  const agent = findAgent(agents.data, task.agent_id);
  return (
    <Facts
      facts={[
        ['Agent', agent?.name ?? task.agent_id],
        ['Persona', agent?.persona_id == null ? null : <PersonaLink key="n" id={agent.persona_id} />],
        ['Type', task.task_type],
        ['Priority', task.priority],
        ['Attempts', `${task.attempts} of ${task.max_attempts}`],
        ['Not before', task.run_at === null ? null : formatDate(task.run_at)],
        ['Concurrency key', task.concurrency_key],
        ['Created by', task.created_by_user_id],
        ['Created', formatDate(task.created_at)],
        ['Started', task.started_at === null ? null : formatDate(task.started_at)],
        ['Ended', task.completed_at === null ? null : formatDate(task.completed_at)],
        [
          'Session',
          task.session_id === null ? null : (
            <Link key="s" to="/chat/{-$sessionId}" params={{ sessionId: task.session_id }}>
              Open in chat
            </Link>
          ),
        ],
        [
          'Made from',
          task.parent_task_id === null ? null : (
            <Link key="p" to="/admin/agents/tasks" search={{ task: task.parent_task_id }}>
              Another task
            </Link>
          ),
        ],
        ['Task', <Identifier key="i" id={task.id} of="task id" />],
        ['Trace', <Identifier key="t" id={task.trace_id} of="trace id" />],
      ]}
    />
  );
}

/** What is known of when it goes on. */
function whenOf(task: Task): string {
  const { status, waiting_for: wait, run_at: runAt, attempts } = task;
  if (status === 'pending' && (wait === 'schedule' || wait === 'retry') && runAt !== null)
    return `until ${formatDate(runAt)}`;
  if (status === 'pending' && wait === 'dependencies') return `${task.depends_on.length} before it`;
  if (status === 'pending' && wait === 'concurrency')
    return task.concurrency_key === null ? 'as many as may run at once do' : `key ${task.concurrency_key} is in use`;
  return attempts > 1 ? `attempt ${attempts} of ${task.max_attempts}` : '';
}

function failureOf(task: Task): string {
  const what = task.status === 'failed' ? 'The task failed' : 'The last attempt failed';
  return task.error_code === null ? what : `${what}: ${task.error_code}`;
}
