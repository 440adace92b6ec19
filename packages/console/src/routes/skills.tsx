import { getRouteApi } from '@tanstack/react-router';
import { SkillsPage } from '../features/skills/skills-page.tsx';

const route = getRouteApi('/admin/tools/skills');

/** `/admin/tools/skills?skill=&offset=` */
export function SkillsRoute() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <SkillsPage
      search={search}
      onSearch={(change, replace = false) =>
        void navigate({ search: (previous) => ({ ...previous, ...change }), replace, resetScroll: false })
      }
    />
  );
}
