import { getRouteApi } from '@tanstack/react-router';
import { TenantPage } from '../features/tenants/tenant-page.tsx';

const route = getRouteApi('/admin/tenants/$tenantId');

/** `/admin/tenants/{tenantId}` */
export function TenantRoute() {
  const { tenantId } = route.useParams();
  return <TenantPage key={tenantId} tenantId={tenantId} />;
}
