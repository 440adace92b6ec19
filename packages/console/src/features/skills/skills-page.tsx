import { routes } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { SKILLS_PER_PAGE, skillsQuery } from '../../api/skills.ts';
import { Empty } from '../../ui/empty.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Pager } from '../../ui/pager.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { AdminPage } from '../admin/admin-page.tsx';
import { ToolsTabs } from '../tools/tools-tabs.tsx';
import { SkillDrawer } from './skill-drawer.tsx';
import { SkillProblems } from './skill-problems.tsx';
import { SkillTable } from './skill-table.tsx';
import type { SkillsView } from './view.ts';

interface SkillsPageProps {
  readonly search: SkillsView;
  readonly onSearch: (change: SkillsView, replace?: boolean) => void;
}

/** Folders of instructions that agents can be given. */
export function SkillsPage({ search, onSearch }: SkillsPageProps) {
  return (
    <AdminPage
      title="Skills"
      lead="Instructions that agents can be given by name, and read when they need them. They come with Reeve, or from the folder of the operator."
      needs={routes.listSkills}
    >
      <ToolsTabs />
      <Skills search={search} onSearch={onSearch} />
    </AdminPage>
  );
}

function Skills({ search, onSearch }: SkillsPageProps) {
  const { skill, offset = 0 } = search;
  const query = useQuery(skillsQuery(offset));
  const { skills = [], problems = [] } = query.data ?? {};
  return (
    <>
      {query.isPending && <SkeletonRows rows={5} height={52} label="Loading the skills" />}
      {query.isError && (
        <ErrorPanel
          title={query.data === undefined ? 'The skills could not be loaded' : 'What you see may be old'}
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      )}
      {problems.length > 0 && <SkillProblems problems={problems} />}
      {query.data !== undefined && skills.length === 0 && (
        <Empty title={offset > 0 ? 'There are no more skills.' : 'There is no skill that agents could be given.'}>
          {offset > 0 && (
            <Link to="/admin/tools/skills" search={{}}>
              Show all skills
            </Link>
          )}
        </Empty>
      )}
      {skills.length > 0 && <SkillTable skills={skills} search={search} />}
      {query.data !== undefined && (
        <Pager
          total={query.data.total}
          limit={SKILLS_PER_PAGE}
          offset={offset}
          onOffset={(next) => onSearch({ offset: next || undefined })}
          sides={['Before', 'After']}
        />
      )}
      <SkillDrawer name={skill} onClose={() => onSearch({ skill: undefined })} />
    </>
  );
}
