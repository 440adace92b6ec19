import { Button, Group, NativeSelect } from '@mantine/core';
import { ClientError } from '@reeve/client';
import type { Memory } from '@reeve/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { changeMemory, refreshMemory } from '../../api/memory.ts';
import { DialogForm } from '../../ui/dialog-form.tsx';
import { changesOf, LASTING, memoryDraft, type Lasting, type MemoryDraft } from './memory-draft.ts';
import { MemoryFault, MemoryFields } from './memory-fields.tsx';
import { lastingWords } from './lasting-words.ts';

interface MemoryFormProps {
  readonly memory: Memory;
  /** Opens what makes one memory of this one and another. */
  readonly onMerge: () => void;
  readonly onClose: () => void;
}

const LASTINGS = Object.keys(LASTING) as Lasting[];

/** Changes what a memory says, its tags, and how long it lasts. */
export function MemoryForm({ memory, onMerge, onClose }: MemoryFormProps) {
  const [draft, setDraft] = useState(() => memoryDraft(memory));
  const cache = useQueryClient();
  const save = useMutation({
    mutationFn: async () => {
      const changes = changesOf(memory, draft);
      if (changes !== undefined) await changeMemory(memory.id, changes);
    },
    onSuccess: onClose,
    onSettled: () => refreshMemory(cache),
  });
  const change = (part: Partial<MemoryDraft>): void => setDraft({ ...draft, ...part });
  const { error } = save;
  return (
    <DialogForm onSend={() => save.mutate()}>
      <MemoryFields
        label="Text"
        description="What agents are shown, and what it is found by"
        typed={draft}
        onChange={change}
        error={error}
      />
      <NativeSelect
        label="It lasts"
        data={[
          { value: '', label: `As it did: ${lastingWords(memory.expires_at)}` },
          ...LASTINGS.map((value) => ({ value, label: LASTING[value].label })),
        ]}
        value={draft.lasting ?? ''}
        onChange={(event) => change({ lasting: LASTINGS.find((one) => one === event.currentTarget.value) })}
      />
      <MemoryFault title="The memory was not changed" error={error} />
      <Group justify="flex-end">
        {error instanceof ClientError && error.status === 409 && (
          <Button variant="default" mr="auto" onClick={onMerge}>
            Merge with another
          </Button>
        )}
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={save.isPending}>
          Save memory
        </Button>
      </Group>
    </DialogForm>
  );
}
