import { getRouteApi } from '@tanstack/react-router';
import { SchedulesPage } from '../features/schedules/schedules-page.tsx';

const route = getRouteApi('/admin/agents/schedules');

/** `/admin/agents/schedules?schedule=&create=` */
export function SchedulesRoute() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return <SchedulesPage search={search} onSearch={(change) => void navigate({ search: change })} />;
}
