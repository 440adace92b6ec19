import { getRouteApi } from '@tanstack/react-router';
import { PersonaPage } from '../features/knowledge/persona-page.tsx';

const route = getRouteApi('/admin/knowledge/$persona');

/** `/admin/knowledge/{id or slug}?tab=&edit=`, in a base `&q=&offset=&document=&from=&chunk=&add=`, in its search `&ask=&in=&top=&tags=` */
export function PersonaRoute() {
  const { persona } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <PersonaPage
      persona={persona}
      search={search}
      onSearch={(change, replace = false) =>
        void navigate({ search: (previous) => ({ ...previous, ...change }), replace, resetScroll: false })
      }
      onRenamed={(slug) =>
        void navigate({
          params: { persona: slug },
          search: (previous) => ({ ...previous, edit: undefined }),
          replace: true,
        })
      }
      onDeleted={() => void navigate({ to: '/admin/knowledge', search: {}, replace: true })}
    />
  );
}
