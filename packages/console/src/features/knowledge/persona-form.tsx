import { Button, Group, Modal, Textarea, TextInput } from '@mantine/core';
import { ClientError } from '@reeve/client';
import type { Persona } from '@reeve/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { changePersona, createPersona, refreshKnowledge } from '../../api/knowledge.ts';
import { DialogForm } from '../../ui/dialog-form.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { placeFaults } from '../../ui/field-faults.ts';
import { changesOf, personaDraft, personaOf, type PersonaDraft } from './persona-draft.ts';

interface PersonaFormProps {
  /** Undefined for a new one. */
  readonly persona: Persona | undefined;
  readonly onClose: () => void;
  readonly onSaved: (persona: Persona) => void;
}

/** Makes a persona, or changes what it is called. What it is stands in its Soul. */
export function PersonaForm({ persona, onClose, onSaved }: PersonaFormProps) {
  const [draft, setDraft] = useState(() => personaDraft(persona));
  const cache = useQueryClient();
  const save = useMutation({
    mutationFn: async () => {
      if (persona === undefined) return createPersona(personaOf(draft));
      const changes = changesOf(persona, draft);
      return changes === undefined ? persona : changePersona(persona.id, changes);
    },
    onSuccess: onSaved,
    onSettled: () => refreshKnowledge(cache),
  });
  const change = (part: Partial<PersonaDraft>): void => setDraft({ ...draft, ...part });
  const details = save.error instanceof ClientError ? save.error.details : [];
  const { byField, others } = placeFaults(['name', 'slug', 'description'] as const, details);
  const placed = details.length > 0 && others.length === 0;
  return (
    <Modal
      opened
      onClose={onClose}
      title={persona === undefined ? 'New persona' : 'Edit the persona'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <DialogForm onSend={() => save.mutate()}>
        <TextInput
          label="Name"
          required
          data-autofocus
          maxLength={200}
          value={draft.name}
          error={byField.name}
          onChange={(event) => change({ name: event.currentTarget.value })}
        />
        <TextInput
          label="Slug"
          description={
            persona === undefined
              ? 'For addresses and commands; made of the name unless given'
              : 'For addresses and commands; those that have the old one must be told'
          }
          maxLength={100}
          spellCheck={false}
          value={draft.slug}
          error={byField.slug}
          onChange={(event) => change({ slug: event.currentTarget.value })}
        />
        <Textarea
          label="Description"
          description="For people; its agents read the Soul instead"
          autosize
          minRows={2}
          maxRows={8}
          value={draft.description}
          error={byField.description}
          onChange={(event) => change({ description: event.currentTarget.value })}
        />
        {save.isError && !placed && <ErrorPanel title="The persona was not saved" error={save.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={save.isPending}>
            {persona === undefined ? 'Create persona' : 'Save persona'}
          </Button>
        </Group>
      </DialogForm>
    </Modal>
  );
}
