import { getRouteApi } from '@tanstack/react-router';
import { KnowledgePage } from '../features/knowledge/knowledge-page.tsx';

const route = getRouteApi('/admin/knowledge');

/** `/admin/knowledge?q=&offset=&create=`, and to search all personas `?show=search&ask=&in=&top=&tags=` */
export function KnowledgeRoute() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <KnowledgePage
      search={search}
      onSearch={(change, replace = false) =>
        void navigate({ search: (previous) => ({ ...previous, ...change }), replace, resetScroll: false })
      }
      onCreated={({ slug }) =>
        void navigate({ to: '/admin/knowledge/$persona', params: { persona: slug }, search: {}, replace: true })
      }
    />
  );
}
