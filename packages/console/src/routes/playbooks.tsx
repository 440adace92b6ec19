import { getRouteApi } from '@tanstack/react-router';
import { PlaybooksPage } from '../features/memory/playbooks-page.tsx';

const route = getRouteApi('/admin/memory/playbooks');

/** `/admin/memory/playbooks?persona=&offset=` */
export function PlaybooksRoute() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <PlaybooksPage
      search={search}
      onSearch={(change, replace = false) =>
        void navigate({ search: (previous) => ({ ...previous, ...change }), replace, resetScroll: false })
      }
    />
  );
}
