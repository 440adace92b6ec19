import { getRouteApi } from '@tanstack/react-router';
import { TenantsPage } from '../features/tenants/tenants-page.tsx';

const route = getRouteApi('/admin/tenants');

/** `/admin/tenants?q=&offset=&create=` */
export function TenantsRoute() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <TenantsPage
      search={search}
      onSearch={(change, replace = false) =>
        void navigate({ search: (previous) => ({ ...previous, ...change }), replace })
      }
      onCreated={(tenantId) => void navigate({ to: '/admin/tenants/$tenantId', params: { tenantId }, replace: true })}
    />
  );
}
