import { routes, type Persona } from '@reeve/contract';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useRefusal } from '../../api/identity.ts';
import { EXACT, FilterTabs } from '../../ui/filter-tabs.tsx';
import { GatedButton } from '../../ui/gated-button.tsx';
import { PersonaIcon, PlusIcon, SearchIcon } from '../../ui/icons.ts';
import { AdminPage } from '../admin/admin-page.tsx';
import { DeletePersona } from './delete-persona.tsx';
import classes from './knowledge.module.css';
import { KnowledgeSearch } from './knowledge-search.tsx';
import { PersonaForm } from './persona-form.tsx';
import { PersonaList } from './persona-list.tsx';
import type { KnowledgeView } from './view.ts';

interface KnowledgePageProps {
  readonly search: KnowledgeView;
  readonly onSearch: (change: KnowledgeView, replace?: boolean) => void;
  readonly onCreated: (persona: Persona) => void;
}

/** Personas of the tenant, and what all of them together know about something. */
export function KnowledgePage({ search, onSearch, onCreated }: KnowledgePageProps) {
  const refusal = useRefusal(routes.createPersona.access);
  const [deleting, setDeleting] = useState<Persona>();
  const create = (): void => onSearch({ create: true });
  return (
    <AdminPage
      title="Knowledge"
      lead="Personas, and the knowledge bases that their agents answer from."
      needs={routes.listPersonas}
      actions={
        <GatedButton refusal={refusal} leftSection={<PlusIcon size={16} />} onClick={create}>
          New persona
        </GatedButton>
      }
    >
      <div className={classes.tabs}>
        <FilterTabs label="Personas and their knowledge">
          <Link
            to="/admin/knowledge"
            search={{}}
            aria-current={search.show === undefined ? 'page' : undefined}
            activeOptions={EXACT}
          >
            <PersonaIcon size={15} /> Personas
          </Link>
          <Link
            to="/admin/knowledge"
            search={{ show: 'search' }}
            aria-current={search.show === 'search' ? 'page' : undefined}
            activeOptions={EXACT}
          >
            <SearchIcon size={15} /> Search all
          </Link>
        </FilterTabs>
      </div>
      {search.show === 'search' ? (
        <KnowledgeSearch persona={undefined} search={search} onSearch={onSearch} />
      ) : (
        <PersonaList search={search} onSearch={onSearch} refusal={refusal} onCreate={create} onDelete={setDeleting} />
      )}
      {search.create === true && refusal === undefined && (
        <PersonaForm persona={undefined} onClose={() => onSearch({ create: undefined }, true)} onSaved={onCreated} />
      )}
      {deleting !== undefined && (
        <DeletePersona
          persona={deleting}
          onClose={() => setDeleting(undefined)}
          onDeleted={() => setDeleting(undefined)}
        />
      )}
    </AdminPage>
  );
}
