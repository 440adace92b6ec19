import { routes, type Playbook } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useRefusal } from '../../api/identity.ts';
import { PLAYBOOKS_PER_PAGE, playbooksQuery } from '../../api/playbooks.ts';
import { Empty } from '../../ui/empty.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { formatCount } from '../../ui/format.ts';
import { MatchList } from '../../ui/matches.tsx';
import { Pager } from '../../ui/pager.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { AdminPage } from '../admin/admin-page.tsx';
import { PersonaPicker } from '../knowledge/persona-picker.tsx';
import { DeletePlaybook } from './delete-playbook.tsx';
import { MemoryTabs } from './memory-tabs.tsx';
import classes from './memory.module.css';
import { PlaybookView } from './playbook-view.tsx';

export interface PlaybooksView {
  /** Whose agents have learnt them, by id. */
  readonly persona?: string | undefined;
  readonly offset?: number | undefined;
}

interface PlaybooksPageProps {
  readonly search: PlaybooksView;
  readonly onSearch: (change: PlaybooksView, replace?: boolean) => void;
}

/** What agents have learnt by doing. */
export function PlaybooksPage({ search, onSearch }: PlaybooksPageProps) {
  return (
    <AdminPage
      title="Playbooks"
      lead="What worked before: the calls of runs that reached their goal, shown to agents who are asked for something alike. One that has failed twice, and as often as it worked, is forgotten."
      needs={routes.listPlaybooks}
    >
      <MemoryTabs />
      <Playbooks search={search} onSearch={onSearch} />
    </AdminPage>
  );
}

function Playbooks({ search: { persona, offset = 0 }, onSearch }: PlaybooksPageProps) {
  const query = useQuery(playbooksQuery(persona, offset));
  const refusal = useRefusal(routes.deletePlaybook.access);
  const [deleting, setDeleting] = useState<Playbook>();
  const playbooks = query.data?.playbooks ?? [];
  return (
    <>
      <div className={classes.filter}>
        <PersonaPicker value={persona} onChange={(id) => onSearch({ persona: id, offset: undefined }, true)} />
      </div>
      {query.isPending && <SkeletonRows rows={4} height={100} label="Loading the playbooks" />}
      {query.isError && (
        <ErrorPanel
          title={query.data === undefined ? 'The playbooks could not be loaded' : 'What you see may be old'}
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      )}
      {query.data !== undefined && playbooks.length === 0 && (
        <NoPlaybooks isNarrowed={persona !== undefined} isPast={offset > 0} />
      )}
      {query.data !== undefined && playbooks.length > 0 && (
        <>
          <p className={classes.count} role="status">
            {query.data.total === 1 ? '1 playbook' : `${formatCount(query.data.total)} playbooks`}, the latest success
            first
          </p>
          <MatchList label="Playbooks">
            {playbooks.map((playbook) => (
              <PlaybookView
                key={playbook.id}
                playbook={playbook}
                refusal={refusal}
                onDelete={() => setDeleting(playbook)}
              />
            ))}
          </MatchList>
        </>
      )}
      {query.data !== undefined && (
        <Pager
          total={query.data.total}
          limit={PLAYBOOKS_PER_PAGE}
          offset={offset}
          onOffset={(next) => onSearch({ offset: next || undefined })}
        />
      )}
      {deleting !== undefined && <DeletePlaybook playbook={deleting} onClose={() => setDeleting(undefined)} />}
    </>
  );
}

interface NoPlaybooksProps {
  readonly isNarrowed: boolean;
  /** Whether a page is meant that has nothing on it any more. */
  readonly isPast: boolean;
}

function NoPlaybooks({ isNarrowed, isPast }: NoPlaybooksProps) {
  if (!isNarrowed && !isPast)
    return (
      <Empty title="No playbook yet. Runs that use tools and complete are kept here, each as the calls that it made." />
    );
  return (
    <Empty title={isPast ? 'There are no more playbooks.' : 'The agents of this persona have learnt none yet.'}>
      <Link to="/admin/memory/playbooks" search={{}}>
        Show all playbooks
      </Link>
    </Empty>
  );
}
