import { getRouteApi } from '@tanstack/react-router';
import { RunList } from '../features/runs/run-list.tsx';

const route = getRouteApi('/runs');

/** `/runs?status=&offset=` */
export function RunsRoute() {
  const { status, offset = 0 } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <RunList
      status={status}
      offset={offset}
      onOffset={(next) => void navigate({ search: { status, offset: next || undefined } })}
    />
  );
}
