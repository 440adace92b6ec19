import { Button } from '@mantine/core';
import type { Persona } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { personasQuery, PERSONAS_PER_PAGE } from '../../api/knowledge.ts';
import { Ago } from '../../ui/ago.tsx';
import { Empty } from '../../ui/empty.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { firstLine, formatCount } from '../../ui/format.ts';
import { DeleteIcon } from '../../ui/icons.ts';
import { Pager } from '../../ui/pager.tsx';
import { RowAction } from '../../ui/row-action.tsx';
import { SearchField } from '../../ui/search-field.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import table from '../../ui/table.module.css';
import { useRowKeys } from '../../ui/use-row-keys.ts';
import { countsOf } from './bases.ts';
import type { KnowledgeView } from './view.ts';
import classes from './knowledge.module.css';

interface PersonaListProps {
  readonly search: KnowledgeView;
  readonly onSearch: (change: KnowledgeView, replace?: boolean) => void;
  /** Why the caller may make and delete none; undefined where they may. */
  readonly refusal: string | undefined;
  readonly onCreate: () => void;
  readonly onDelete: (persona: Persona) => void;
}

/** Personas by name, with what each knows and how many agents have it. */
export function PersonaList({ search: { q, offset = 0 }, onSearch, refusal, onCreate, onDelete }: PersonaListProps) {
  const query = useQuery(personasQuery(q, offset));
  const rows = useRowKeys<HTMLDivElement>();
  const personas = query.data?.personas ?? [];
  return (
    <>
      <SearchField
        className={classes.search}
        label="Search personas"
        placeholder="Search by name or slug"
        value={q}
        onSearch={(text) => onSearch({ q: text, offset: undefined }, true)}
      />
      {query.isPending && <SkeletonRows rows={4} height={56} label="Loading the personas" />}
      {query.isError && (
        <ErrorPanel
          title={query.data === undefined ? 'The personas could not be loaded' : 'What you see may be old'}
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      )}
      {query.data !== undefined && personas.length === 0 && (
        <NoPersonas q={q} isPast={offset > 0} onCreate={refusal === undefined ? onCreate : undefined} />
      )}
      {personas.length > 0 && (
        <div className={table.frame} ref={rows}>
          <table className={table.table}>
            <thead>
              <tr>
                <th scope="col">Persona</th>
                <th scope="col" className={table.number}>
                  Documents
                </th>
                <th scope="col" className={`${table.number} ${table.wide}`}>
                  Agents
                </th>
                <th scope="col" className={table.wide}>
                  Changed
                </th>
                <th scope="col">
                  <span className={classes.hidden}>Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {personas.map((persona) => (
                <Row key={persona.id} persona={persona} refusal={refusal} onDelete={() => onDelete(persona)} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {query.data !== undefined && (
        <Pager
          total={query.data.total}
          limit={PERSONAS_PER_PAGE}
          offset={offset}
          onOffset={(next) => onSearch({ offset: next || undefined })}
          sides={['Before', 'After']}
        />
      )}
    </>
  );
}

interface RowProps {
  readonly persona: Persona;
  readonly refusal: string | undefined;
  readonly onDelete: () => void;
}

function Row({ persona, refusal, onDelete }: RowProps) {
  const { name, slug, description, agents, updated_at: updated } = persona;
  const { total, words } = countsOf(persona);
  return (
    <tr>
      <td className={table.main}>
        <Link to="/admin/knowledge/$persona" params={{ persona: slug }} className={table.link} data-row>
          {name}
        </Link>
        <span className={table.sub}>
          {slug}
          {description !== '' && ` · ${firstLine(description)}`}
        </span>
        <span className={`${table.sub} ${table.narrowOnly}`}>
          {agents === 1 ? '1 agent' : `${formatCount(agents)} agents`}, changed <Ago time={updated} />
        </span>
      </td>
      <td className={classes.count}>
        {formatCount(total)} <span className={classes.word}>{total === 1 ? 'document' : 'documents'}</span>
        {words !== '' && <span className={table.sub}>{words}</span>}
      </td>
      <td className={`${table.number} ${table.wide}`}>{formatCount(agents)}</td>
      <td className={`${classes.time} ${table.wide}`}>
        <Ago time={updated} />
      </td>
      <td aria-label="Actions" className={classes.above}>
        <RowAction label={`Delete ${name}`} tip="Delete" refusal={refusal} onClick={onDelete}>
          <DeleteIcon size={16} />
        </RowAction>
      </td>
    </tr>
  );
}

interface NoPersonasProps {
  readonly q: string | undefined;
  /** Whether a page is meant that has nothing on it any more. */
  readonly isPast: boolean;
  readonly onCreate: (() => void) | undefined;
}

function NoPersonas({ q, isPast, onCreate }: NoPersonasProps) {
  if (q !== undefined || isPast)
    return (
      <Empty title={q === undefined ? 'There are no more personas.' : `No persona has “${q}” in its name or slug.`}>
        <Link to="/admin/knowledge" search={{}}>
          Show all personas
        </Link>
      </Empty>
    );
  const title = 'No persona yet. Agents that are given one are what its Soul says, and answer from what it knows.';
  if (onCreate === undefined) return <Empty title={title} />;
  return (
    <Empty title={title} command="reeve personas import knowledge_bases/barky">
      <Button variant="default" onClick={onCreate}>
        Create a persona
      </Button>
    </Empty>
  );
}
