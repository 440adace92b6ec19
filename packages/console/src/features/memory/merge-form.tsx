import { Button, Group } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { ClientError } from '@reeve/client';
import type { Memory } from '@reeve/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { changeMemory, deleteMemory, refreshMemory } from '../../api/memory.ts';
import { DialogForm } from '../../ui/dialog-form.tsx';
import { firstLine, formatDate } from '../../ui/format.ts';
import { MemoryFault, MemoryFields, type Typed } from './memory-fields.tsx';
import classes from './memory.module.css';
import { fatesOf, mergeDraft, mergeOf, type Merge } from './merge.ts';

interface MergeFormProps {
  readonly one: Memory;
  readonly other: Memory;
  readonly onClose: () => void;
}

/** What two memories say as one, and which of them goes. */
export function MergeForm({ one, other, onClose }: MergeFormProps) {
  const [draft, setDraft] = useState(() => mergeDraft(one, other));
  const [isKept, setIsKept] = useState(false);
  const cache = useQueryClient();
  const { kept, dropped } = fatesOf(one, other, draft);
  const save = useMutation({
    mutationFn: () => carryOut(mergeOf(one, other, draft, Date.now()), () => setIsKept(true)),
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
      <MemoryFault
        title={isKept ? 'The text is kept, but the other memory was not deleted' : 'Nothing was changed'}
        error={save.error}
      />
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

/** Keeps before it deletes, so that nothing is lost where one of the two fails; can be done again then. */
async function carryOut({ kept, dropped, change }: Merge, onKept: () => void): Promise<void> {
  if (change !== undefined) await changeMemory(kept.id, change);
  onKept();
  try {
    await deleteMemory(dropped.id);
  } catch (error) {
    // Somebody else has deleted it, which is as good.
    if (!(error instanceof ClientError && error.status === 404)) throw error;
  }
}
