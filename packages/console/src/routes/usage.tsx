import { getRouteApi } from '@tanstack/react-router';
import { UsagePage } from '../features/usage/usage-page.tsx';

const route = getRouteApi('/admin/usage');

/** `/admin/usage?from=&to=&by=&draw=&agent=&model=&outcome=&run=&offset=&who=&persona=&tree=` */
export function UsageRoute() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <UsagePage
      search={search}
      onSearch={(change, replace = false) =>
        void navigate({ search: (previous) => ({ ...previous, ...change }), replace, resetScroll: false })
      }
    />
  );
}
