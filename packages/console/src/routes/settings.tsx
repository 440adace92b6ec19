import { getRouteApi } from '@tanstack/react-router';
import { SettingsPage } from '../features/settings/settings-page.tsx';

const route = getRouteApi('/admin/settings');

/** `/admin/settings?q=&show=` */
export function SettingsRoute() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <SettingsPage
      search={search}
      onSearch={(change) =>
        void navigate({ search: (previous) => ({ ...previous, ...change }), replace: true, resetScroll: false })
      }
    />
  );
}
