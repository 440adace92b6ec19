import { getRouteApi } from '@tanstack/react-router';
import { McpPage } from '../features/mcp/mcp-page.tsx';

const route = getRouteApi('/admin/tools/mcp');

/** `/admin/tools/mcp?server=&edit=&create=` */
export function McpRoute() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return <McpPage search={search} onSearch={(next) => void navigate({ search: next, resetScroll: false })} />;
}
