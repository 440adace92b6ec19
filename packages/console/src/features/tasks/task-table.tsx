import type { Agent, Task } from '@reeve/contract';
import { Link } from '@tanstack/react-router';
import { Ago } from '../../ui/ago.tsx';
import { firstLineOfMarkdown } from '../../ui/format.ts';
import table from '../../ui/table.module.css';
import { useRowKeys } from '../../ui/use-row-keys.ts';
import type { BoardSearch } from './task-board.tsx';
import { TaskStatus } from './task-status.tsx';

interface TaskTableProps {
  readonly tasks: readonly Task[];
  readonly agents: readonly Agent[];
  /** Kept in each row's link, so that the filters stay when a task is opened. */
  readonly search: BoardSearch;
}

/** Tasks, newest first. A row opens the task's details. */
export function TaskTable({ tasks, agents, search }: TaskTableProps) {
  const rows = useRowKeys<HTMLDivElement>();
  const names = new Map(agents.map((agent) => [agent.id, agent.name]));
  return (
    <div className={table.frame} ref={rows}>
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">Status</th>
            <th scope="col">Title</th>
            <th scope="col" className={table.wide}>
              Agent
            </th>
            <th scope="col" className={table.wide}>
              Type
            </th>
            <th scope="col" className={`${table.number} ${table.wide}`}>
              Priority
            </th>
            <th scope="col" className={table.number}>
              Created
            </th>
          </tr>
        </thead>
        <tbody>
          {tasks.map((task) => {
            const agent = names.get(task.agent_id) ?? task.agent_id;
            return (
              <tr key={task.id}>
                <td>
                  <TaskStatus task={task} />
                </td>
                <td className={table.main}>
                  <Link to="/admin/agents/tasks" search={{ ...search, task: task.id }} className={table.link} data-row>
                    {task.title}
                  </Link>
                  <span className={table.sub}>
                    {firstLineOfMarkdown(task.error_message ?? task.result_summary ?? task.description ?? '')}
                  </span>
                  <span className={`${table.sub} ${table.narrowOnly}`}>
                    {agent} · {task.task_type}
                  </span>
                </td>
                <td className={table.wide}>{agent}</td>
                <td className={table.wide}>
                  <code>{task.task_type}</code>
                </td>
                <td className={`${table.number} ${table.wide}`}>{task.priority}</td>
                <td className={table.number}>
                  <Ago time={task.created_at} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
