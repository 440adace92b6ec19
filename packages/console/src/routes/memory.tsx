import { getRouteApi } from '@tanstack/react-router';
import { MemoryPage } from '../features/memory/memory-page.tsx';

const route = getRouteApi('/admin/memory');

/** `/admin/memory?persona=&tag=&offset=&edit=&merge=`, and to search `?ask=&in=&top=&persona=` */
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
