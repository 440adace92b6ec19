import { TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { SearchIcon } from './icons.ts';
import { useValueOf } from './use-value-of.ts';

interface SearchFieldProps {
  /** Names the field to a screen reader: "Search tenants". */
  readonly label: string;
  /** What is searched: "Search by id or name". */
  readonly placeholder: string;
  /** What the address says. */
  readonly value: string | undefined;
  /** Told what is searched for a moment after it was typed; undefined for nothing. */
  readonly onSearch: (text: string | undefined) => void;
  readonly className?: string | undefined;
}

const PAUSE_MS = 250;

/** A field that narrows a list down while it is typed in. */
export function SearchField({ label, placeholder, value, onSearch, className }: SearchFieldProps) {
  const field = useValueOf(value);
  const later = useDebouncedCallback((text: string) => onSearch(text.trim() || undefined), PAUSE_MS);
  return (
    <TextInput
      className={className}
      aria-label={label}
      placeholder={placeholder}
      type="search"
      leftSection={<SearchIcon size={15} />}
      ref={field}
      defaultValue={value ?? ''}
      onChange={(event) => later(event.currentTarget.value)}
    />
  );
}
