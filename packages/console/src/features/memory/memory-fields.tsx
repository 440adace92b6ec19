import { Textarea, TextInput } from '@mantine/core';
import { ClientError } from '@reeve/client';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { placeFaults } from '../../ui/field-faults.ts';

/** What a memory says, as it is typed. */
export interface Typed {
  readonly text: string;
  /** With commas between them. */
  readonly tags: string;
}

interface MemoryFieldsProps {
  /** Names the text: "Text". */
  readonly label: string;
  readonly description?: string;
  readonly typed: Typed;
  readonly onChange: (part: Partial<Typed>) => void;
  /** Why it was not saved; what it says of a field is shown there. */
  readonly error: Error | null;
}

/** The text of a memory and its tags. */
export function MemoryFields({ label, description, typed, onChange, error }: MemoryFieldsProps) {
  const { byField } = faultsOf(error);
  return (
    <>
      <Textarea
        label={label}
        description={description}
        required
        data-autofocus
        autosize
        minRows={4}
        maxRows={14}
        value={typed.text}
        error={byField.text}
        onChange={(event) => onChange({ text: event.currentTarget.value })}
      />
      <TextInput
        label="Tags"
        description="With commas between them"
        value={typed.tags}
        error={byField.tags}
        onChange={(event) => onChange({ tags: event.currentTarget.value })}
      />
    </>
  );
}

/** Why a memory was not saved, unless the fields say all of it. */
export function MemoryFault({ title, error }: { readonly title: string; readonly error: Error | null }) {
  if (error === null) return null;
  const { all, others } = faultsOf(error);
  return all > 0 && others.length === 0 ? null : <ErrorPanel title={title} error={error} />;
}

function faultsOf(error: Error | null) {
  const details = error instanceof ClientError ? error.details : [];
  return { all: details.length, ...placeFaults(['text', 'tags'] as const, details) };
}
