import { ActionIcon, Button, TextInput } from '@mantine/core';
import { DeleteIcon, PlusIcon } from '../../ui/icons.ts';
import { KEPT, withRow, type ValueDraft } from './mcp-draft.ts';
import classes from './mcp.module.css';

interface ValueFieldsProps {
  /** What they are: `Headers`. */
  readonly legend: string;
  /** One of them: `header`. */
  readonly noun: string;
  readonly about: string;
  readonly examples: { readonly name: string; readonly value: string };
  readonly rows: readonly ValueDraft[];
  /** What is wrong with single rows, by their keys. */
  readonly faults: Readonly<Record<number, string>>;
  /** What is wrong with all of them. */
  readonly error: string | undefined;
  readonly onChange: (rows: readonly ValueDraft[]) => void;
}

/** Names and values that a server is given. A value that is stored is not shown, and stays while it is not typed anew. */
export function ValueFields({ legend, noun, about, examples, rows, faults, error, onChange }: ValueFieldsProps) {
  const change = (key: number, part: Partial<ValueDraft>): void =>
    onChange(rows.map((row) => (row.key === key ? { ...row, ...part } : row)));
  return (
    <fieldset className={classes.fields}>
      <legend>{legend}</legend>
      <p className={classes.soft}>
        {about} Values are never shown again: {KEPT} stands for one that is stored, and keeps it.
      </p>
      {rows.map(({ key, name, value }) => (
        <div key={key} className={classes.row}>
          <TextInput
            aria-label={noun.charAt(0).toUpperCase() + noun.slice(1)}
            placeholder={examples.name}
            spellCheck={false}
            autoComplete="off"
            value={name}
            error={faults[key] !== undefined}
            aria-describedby={faults[key] === undefined ? undefined : `${noun}-${key}`}
            onChange={(event) => change(key, { name: event.currentTarget.value })}
          />
          <TextInput
            aria-label={name === '' ? 'Value' : `Value of ${name}`}
            placeholder={examples.value}
            spellCheck={false}
            autoComplete="off"
            value={value}
            // What stands for a stored value is replaced as a whole, not typed into.
            onFocus={({ currentTarget }) => value === KEPT && currentTarget.select()}
            onChange={(event) => change(key, { value: event.currentTarget.value })}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            c="var(--mantine-color-text)"
            size={36}
            aria-label={`Take ${name === '' ? `this ${noun}` : name} out`}
            title="Take out"
            onClick={() => onChange(rows.filter((row) => row.key !== key))}
          >
            <DeleteIcon size={16} />
          </ActionIcon>
          {faults[key] !== undefined && (
            <p className={classes.fault} id={`${noun}-${key}`}>
              {faults[key]}
            </p>
          )}
        </div>
      ))}
      {error !== undefined && <p className={classes.fault}>{error}</p>}
      <Button variant="default" size="xs" leftSection={<PlusIcon size={14} />} onClick={() => onChange(withRow(rows))}>
        Add a {noun}
      </Button>
    </fieldset>
  );
}
