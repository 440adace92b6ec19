import { Button, Group, Modal, Textarea, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { ClientError } from '@reeve/client';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { addText, refreshKnowledge, type AddedDocument, type Base } from '../../api/knowledge.ts';
import { DialogForm } from '../../ui/dialog-form.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { placeFaults } from '../../ui/field-faults.ts';
import { BASES } from './bases.ts';
import { outcomeOf } from './knowledge-base.ts';
import { documentOf, EMPTY_TEXT, type TextDraft } from './text-draft.ts';

interface TextFormProps {
  readonly base: Base;
  readonly onClose: () => void;
  readonly onSaved: (document: AddedDocument) => void;
}

/** Adds a text that is typed. */
export function TextForm({ base, onClose, onSaved }: TextFormProps) {
  const [draft, setDraft] = useState(EMPTY_TEXT);
  const cache = useQueryClient();
  const save = useMutation({
    mutationFn: () => addText(base, documentOf(draft)),
    onSuccess: (added) => {
      notifications.show({ message: outcomeOf(added) });
      onSaved(added);
    },
    onSettled: () => refreshKnowledge(cache),
  });
  const change = (part: Partial<TextDraft>): void => setDraft({ ...draft, ...part });
  const details = save.error instanceof ClientError ? save.error.details : [];
  const { byField, others } = placeFaults(['text', 'title', 'source', 'tags'] as const, details);
  const placed = details.length > 0 && others.length === 0;
  return (
    <Modal
      opened
      onClose={onClose}
      title={`Add a text to the ${BASES[base.kb].name}`}
      size="lg"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <DialogForm onSend={() => save.mutate()}>
        <Textarea
          label="Text"
          description="Markdown. Headings are kept with what stands below them"
          required
          data-autofocus
          autosize
          minRows={6}
          maxRows={18}
          value={draft.text}
          error={byField.text}
          onChange={(event) => change({ text: event.currentTarget.value })}
        />
        <TextInput
          label="Title"
          description="By default what the text calls itself"
          maxLength={500}
          value={draft.title}
          error={byField.title}
          onChange={(event) => change({ title: event.currentTarget.value })}
        />
        <TextInput
          label="Source"
          description="Where it comes from: a path, an address. The next text from there replaces it"
          maxLength={1_000}
          spellCheck={false}
          value={draft.source}
          error={byField.source}
          onChange={(event) => change({ source: event.currentTarget.value })}
        />
        <TextInput
          label="Tags"
          description="With commas between them; a search can ask for them"
          value={draft.tags}
          error={byField.tags}
          onChange={(event) => change({ tags: event.currentTarget.value })}
        />
        {save.isError && !placed && <ErrorPanel title="The text was not added" error={save.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={save.isPending}>
            Add text
          </Button>
        </Group>
      </DialogForm>
    </Modal>
  );
}
