import { getRouteApi } from '@tanstack/react-router';
import { MemoryPage } from '../features/memory/memory-page.tsx';

const route = getRouteApi('/admin/memory');

/** `/admin/memory?tag=&offset=`, and to search `?ask=&in=&top=` */
export function MemoryRoute() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <MemoryPage
      search={search}
      onSearch={(change, replace = false) =>
        void navigate({ search: (previous) => ({ ...previous, ...change }), replace, resetScroll: false })
      }
    />
  );
}
