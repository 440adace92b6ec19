import { getRouteApi } from '@tanstack/react-router';
import { TaskBoard } from '../features/tasks/task-board.tsx';

const route = getRouteApi('/admin/agents/tasks');

/** `/admin/agents/tasks?status=&agent=&type=&session=&workflow=&q=&task=&create=` */
export function TasksRoute() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <TaskBoard
      search={search}
      onSearch={(change, replace = false) =>
        void navigate({ search: (previous) => ({ ...previous, ...change }), replace })
      }
    />
  );
}
