import { getRouteApi } from '@tanstack/react-router';
import { KeysPage } from '../features/keys/keys-page.tsx';

const route = getRouteApi('/admin/keys');

/** `/admin/keys?status=&create=` */
export function KeysRoute() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <KeysPage
      search={search}
      onSearch={(change) => void navigate({ search: (previous) => ({ ...previous, ...change }) })}
    />
  );
}
