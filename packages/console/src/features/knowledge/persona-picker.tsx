import { Select } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { personaQuery, personasQuery } from '../../api/knowledge.ts';
import { shortId } from '../../ui/format.ts';

interface PersonaPickerProps {
  /** Id of the chosen one; undefined for none. */
  readonly value: string | undefined;
  readonly onChange: (id: string | undefined) => void;
}

const PAUSE_MS = 250;

/** One persona, or none; the server is asked for what is typed, since there may be many. */
export function PersonaPicker({ value, onChange }: PersonaPickerProps) {
  const [typed, setTyped] = useState('');
  const [asked] = useDebouncedValue(typed, PAUSE_MS);
  const chosen = useQuery({ ...personaQuery(value ?? ''), enabled: value !== undefined }).data;
  const label = value === undefined ? '' : (chosen?.name ?? shortId(value));
  // A choice stands in the field where it is typed in, and is no search.
  const sought = asked === label || asked === '' ? undefined : asked;
  const options = (useQuery(personasQuery(sought, 0)).data?.personas ?? []).map(({ id, name }) => ({
    value: id,
    label: name,
  }));
  const known = value === undefined || options.some((option) => option.value === value);
  return (
    <Select
      label="Persona"
      size="xs"
      placeholder="Any or none"
      searchable
      clearable
      comboboxProps={{ withinPortal: false, floatingStrategy: 'fixed' }}
      clearButtonProps={{ 'aria-label': 'Any persona or none' }}
      nothingFoundMessage="No persona is called so"
      data={known ? options : [{ value, label }, ...options]}
      filter={({ options: all }) => all}
      value={value ?? null}
      onChange={(id) => onChange(id ?? undefined)}
      onSearchChange={setTyped}
    />
  );
}
