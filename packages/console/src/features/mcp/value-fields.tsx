import { ActionIcon, Button, TextInput } from '@mantine/core';
import { DeleteIcon, PlusIcon } from '../../ui/icons.ts';
import { KEPT, withHeader, type HeaderDraft } from './mcp-draft.ts';
import classes from './mcp.module.css';

interface HeaderFieldsProps {
  readonly headers: readonly HeaderDraft[];
  /** What is wrong with single rows, by their keys. */
  readonly faults: Readonly<Record<number, string>>;
  /** What is wrong with all of them. */
  readonly error: string | undefined;
  readonly onChange: (headers: readonly HeaderDraft[]) => void;
}

/** Headers that go with every request. A value that is stored is not shown, and stays while it is not typed anew. */
export function HeaderFields({ headers, faults, error, onChange }: HeaderFieldsProps) {
  const change = (key: number, part: Partial<HeaderDraft>): void =>
    onChange(headers.map((header) => (header.key === key ? { ...header, ...part } : header)));
  return (
    <fieldset className={classes.fields}>
      <legend>Headers</legend>
      <p className={classes.soft}>
        Sent with every request, such as Authorization. Values are never shown again: {KEPT} stands for one that is
        stored, and keeps it.
      </p>
      {headers.map(({ key, name, value }) => (
        <div key={key} className={classes.row}>
          <TextInput
            aria-label="Header"
            placeholder="Authorization"
            spellCheck={false}
            autoComplete="off"
            value={name}
            error={faults[key] !== undefined}
            aria-describedby={faults[key] === undefined ? undefined : `header-${key}`}
            onChange={(event) => change(key, { name: event.currentTarget.value })}
          />
          <TextInput
            aria-label={name === '' ? 'Value' : `Value of ${name}`}
            placeholder="Bearer …"
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
            aria-label={`Take ${name === '' ? 'this header' : name} out`}
            title="Take out"
            onClick={() => onChange(headers.filter((header) => header.key !== key))}
          >
            <DeleteIcon size={16} />
          </ActionIcon>
          {faults[key] !== undefined && (
            <p className={classes.fault} id={`header-${key}`}>
              {faults[key]}
            </p>
          )}
        </div>
      ))}
      {error !== undefined && <p className={classes.fault}>{error}</p>}
      <Button
        variant="default"
        size="xs"
        leftSection={<PlusIcon size={14} />}
        onClick={() => onChange(withHeader(headers))}
      >
        Add a header
      </Button>
    </fieldset>
  );
}
