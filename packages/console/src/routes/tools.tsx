import { getRouteApi } from '@tanstack/react-router';
import { ToolsPage } from '../features/tools/tools-page.tsx';

const route = getRouteApi('/admin/tools');

/** `/admin/tools?q=&source=&tool=` */
export function ToolsRoute() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <ToolsPage
      search={search}
      onSearch={(change, replace = false) =>
        void navigate({ search: (previous) => ({ ...previous, ...change }), replace, resetScroll: false })
      }
    />
  );
}
