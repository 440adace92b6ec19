import { Button, Group } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import type { Memory } from '@reeve/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { changeMemory, refreshMemory } from '../../api/memory.ts';
import { DialogForm } from '../../ui/dialog-form.tsx';
import { firstLine, formatDate } from '../../ui/format.ts';
import { MemoryFault, MemoryFields, type Typed } from './memory-fields.tsx';
import classes from './memory.module.css';
import { fatesOf, mergeDraft, mergeOf } from './merge.ts';

interface MergeFormProps {
  readonly one: Memory;
  readonly other: Memory;
  readonly onClose: () => void;
}

/** What two memories say as one, and which of them goes. */
export function MergeForm({ one, other, onClose }: MergeFormProps) {
  const [draft, setDraft] = useState(() => mergeDraft(one, other));
  const cache = useQueryClient();
  const { kept, dropped } = fatesOf(one, other, draft);
  const save = useMutation({
    mutationFn: () => merge(one, other, draft),
    onSuccess: () => {
      notifications.show({ message: 'The two memories are one' });
      onClose();
    },
    onSettled: () => refreshMemory(cache),
  });
  const change = (part: Partial<Typed>): void => setDraft({ ...draft, ...part });
  return (
    <DialogForm onSend={() => save.mutate()}>
      <MemoryFields label="Together they say" typed={draft} onChange={change} error={save.error} />
      <p className={classes.outcome}>
        What stays is the memory of {formatDate(kept.created_at)}, with where it comes from, for as long as the longer
        of the two was to last. The one of {formatDate(dropped.created_at)}, “{firstLine(dropped.text, 60)}”, is
        deleted; this can’t be undone.
      </p>
      <MemoryFault title="Nothing was changed" error={save.error} />
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={save.isPending}>
          Merge the two
        </Button>
      </Group>
    </DialogForm>
  );
}

function merge(one: Memory, other: Memory, draft: Typed): Promise<Memory> {
  const { kept, change } = mergeOf(one, other, draft, Date.now());
  return changeMemory(kept.id, change);
}
