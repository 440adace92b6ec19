import { Autocomplete, Select, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import type { Agent } from '@reeve/contract';
import { findAgent } from '../../api/agents.ts';
import { shortId } from '../../ui/format.ts';
import { AgentIcon, SearchIcon } from '../../ui/icons.ts';
import { useValueOf } from '../../ui/use-value-of.ts';
import type { BoardSearch } from './view.ts';
import classes from './task-filters.module.css';

interface TaskFiltersProps {
  readonly search: BoardSearch;
  readonly agents: readonly Agent[];
  /** The types that there are tasks of. */
  readonly types: readonly string[];
  readonly onSearch: (change: BoardSearch, replace?: boolean) => void;
}

/** What the list is narrowed down by, beside the status. */
export function TaskFilters({ search, agents, types, onSearch }: TaskFiltersProps) {
  const { agent, type, q } = search;
  const options = agents.map((known) => ({ value: known.slug, label: known.name }));
  const later = useDebouncedCallback((change: BoardSearch) => onSearch(change, true), 250);
  return (
    <div className={classes.filters}>
      <TextInput
        aria-label="Search titles"
        placeholder="Search titles"
        type="search"
        leftSection={<SearchIcon size={15} />}
        ref={useValueOf(q)}
        defaultValue={q ?? ''}
        onChange={(event) => later({ q: event.currentTarget.value.trim() || undefined })}
      />
      <Select
        aria-label="Agent"
        placeholder="Any agent"
        clearable
        searchable
        leftSection={<AgentIcon size={15} />}
        clearButtonProps={{ 'aria-label': 'Any agent' }}
        data={
          agent === undefined || options.some((option) => option.value === agent)
            ? options
            : [...options, { value: agent, label: findAgent(agents, agent)?.name ?? agent }]
        }
        value={agent ?? null}
        onChange={(slug) => onSearch({ agent: slug ?? undefined })}
      />
      <Autocomplete
        aria-label="Type"
        placeholder="Any type"
        data={types}
        ref={useValueOf(type)}
        defaultValue={type ?? ''}
        onChange={(text) => later({ type: text.trim() || undefined })}
      />
      <Narrowed of="session" id={search.session} onClear={() => onSearch({ session: undefined })} />
      <Narrowed of="workflow" id={search.workflow} onClear={() => onSearch({ workflow: undefined })} />
    </div>
  );
}

/** A filter that only a link sets: what it is, and a way out of it. */
function Narrowed({
  of,
  id,
  onClear,
}: {
  readonly of: string;
  readonly id: string | undefined;
  readonly onClear: () => void;
}) {
  if (id === undefined) return null;
  return (
    <button type="button" className={classes.narrowed} onClick={onClear} aria-label={`Any ${of}`} title={id}>
      {of} <code>{shortId(id)}</code> <span aria-hidden="true">×</span>
    </button>
  );
}
