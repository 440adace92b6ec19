import { KNOWLEDGE_BASES, routes, type KnowledgeBase, type Persona } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useRefusal } from '../../api/identity.ts';
import { personaQuery } from '../../api/knowledge.ts';
import { Empty } from '../../ui/empty.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { EXACT, FilterTabs } from '../../ui/filter-tabs.tsx';
import { formatCount } from '../../ui/format.ts';
import { GatedButton } from '../../ui/gated-button.tsx';
import { DeleteIcon, EditIcon, SearchIcon } from '../../ui/icons.ts';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { AdminPage } from '../admin/admin-page.tsx';
import { BaseView } from './base-view.tsx';
import type { BaseSearch } from './base-search.ts';
import { BASES } from './bases.ts';
import { DeletePersona } from './delete-persona.tsx';
import { KnowledgeSearch, type KnowledgeSearchView } from './knowledge-search.tsx';
import classes from './knowledge.module.css';
import { PersonaFacts } from './persona-facts.tsx';
import { PersonaForm } from './persona-form.tsx';
import { PERSONA_TABS, type PersonaTab } from './tabs.ts';

export interface PersonaView extends BaseSearch, KnowledgeSearchView {
  readonly tab?: PersonaTab | undefined;
  readonly edit?: true | undefined;
}

interface PersonaPageProps {
  /** Id or slug. */
  readonly persona: string;
  readonly search: PersonaView;
  readonly onSearch: (change: PersonaView, replace?: boolean) => void;
  /** Called with its new slug after the persona was changed. */
  readonly onRenamed: (slug: string) => void;
  readonly onDeleted: () => void;
}

/** One persona: what is in each of its knowledge bases, and what they say about something. */
export function PersonaPage({ persona: ref, search, onSearch, onRenamed, onDeleted }: PersonaPageProps) {
  const persona = useQuery(personaQuery(ref)).data;
  const refusal = useRefusal(routes.updatePersona.access);
  const [isDeleting, setIsDeleting] = useState(false);
  return (
    <AdminPage
      title={persona?.name ?? ref}
      documentTitle={`Persona ${persona?.name ?? ref}`}
      lead={
        <>
          <Link to="/admin/knowledge" search={{}}>
            All personas
          </Link>
          {persona !== undefined && persona.description !== '' && (
            <p className={classes.description}>{persona.description}</p>
          )}
        </>
      }
      needs={routes.getPersona}
      actions={
        persona !== undefined && (
          <>
            <GatedButton
              variant="default"
              refusal={refusal}
              leftSection={<EditIcon size={16} />}
              onClick={() => onSearch({ edit: true })}
            >
              Edit
            </GatedButton>
            <GatedButton
              variant="default"
              refusal={refusal}
              leftSection={<DeleteIcon size={16} />}
              onClick={() => setIsDeleting(true)}
            >
              Delete
            </GatedButton>
          </>
        )
      }
    >
      <Loading persona={ref} search={search} onSearch={onSearch} />
      {persona !== undefined && search.edit === true && refusal === undefined && (
        <PersonaForm
          persona={persona}
          onClose={() => onSearch({ edit: undefined }, true)}
          onSaved={({ slug }) => onRenamed(slug)}
        />
      )}
      {persona !== undefined && isDeleting && (
        <DeletePersona persona={persona} onClose={() => setIsDeleting(false)} onDeleted={onDeleted} />
      )}
    </AdminPage>
  );
}

function Loading({ persona, search, onSearch }: Pick<PersonaPageProps, 'persona' | 'search' | 'onSearch'>) {
  const query = useQuery(personaQuery(persona));
  if (query.data === undefined)
    return query.isError ? (
      <>
        <ErrorPanel title="The persona could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
        <Empty title="Whose knowledge are you looking for?">
          <Link to="/admin/knowledge" search={{}}>
            Show all personas
          </Link>
        </Empty>
      </>
    ) : (
      <SkeletonRows rows={6} height={56} label="Loading the persona" />
    );
  return (
    <>
      {query.isError && <ErrorPanel title="What you see may be old" error={query.error} />}
      <PersonaBody persona={query.data} search={search} onSearch={onSearch} />
    </>
  );
}

interface PersonaBodyProps {
  readonly persona: Persona;
  readonly search: PersonaView;
  readonly onSearch: (change: PersonaView, replace?: boolean) => void;
}

function PersonaBody({ persona, search, onSearch }: PersonaBodyProps) {
  const { tab = KNOWLEDGE_BASES[0] } = search;
  return (
    <>
      <PersonaFacts persona={persona} />
      <div className={classes.tabs}>
        <FilterTabs label="Knowledge bases">
          {PERSONA_TABS.map((name) => (
            <Link
              key={name}
              to="/admin/knowledge/$persona"
              params={{ persona: persona.slug }}
              search={{ tab: name }}
              activeOptions={EXACT}
              aria-current={name === tab ? 'page' : undefined}
              resetScroll={false}
            >
              {name === 'search' ? <AskTab /> : <BaseTab base={name} count={persona.documents[name]} />}
            </Link>
          ))}
        </FilterTabs>
      </div>
      {tab === 'search' ? (
        <KnowledgeSearch persona={persona} search={search} onSearch={onSearch} />
      ) : (
        <BaseView key={`${persona.id} ${tab}`} persona={persona} kb={tab} search={search} onSearch={onSearch} />
      )}
    </>
  );
}

function AskTab() {
  return (
    <>
      <SearchIcon size={15} /> What an agent gets
    </>
  );
}

function BaseTab({ base, count }: { readonly base: KnowledgeBase; readonly count: number }) {
  return (
    <>
      <b className={classes.base}>{BASES[base].name}</b> <span>{formatCount(count)}</span>
    </>
  );
}
