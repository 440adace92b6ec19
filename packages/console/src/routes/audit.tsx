import { getRouteApi } from '@tanstack/react-router';
import { AuditPage } from '../features/audit/audit-page.tsx';

const route = getRouteApi('/admin/audit');

/** `/admin/audit?actor=&action=&trace=&task=&run=&from=&to=&offset=&entry=` */
export function AuditRoute() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <AuditPage
      search={search}
      onSearch={(change, replace = false) =>
        void navigate({ search: (previous) => ({ ...previous, ...change }), replace, resetScroll: false })
      }
    />
  );
}
