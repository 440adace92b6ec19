import { useQueryClient } from '@tanstack/react-query';
import { deleteMemory, refreshMemory } from '../../api/memory.ts';
import { DeleteDialog } from '../../ui/delete-dialog.tsx';
import { firstLine } from '../../ui/format.ts';
import type { Recalled } from './recall-view.tsx';

interface DeleteMemoryProps {
  readonly memory: Recalled;
  readonly onClose: () => void;
}

/** Asks before a memory is deleted. */
export function DeleteMemory({ memory: { id, text }, onClose }: DeleteMemoryProps) {
  const cache = useQueryClient();
  return (
    <DeleteDialog
      what="memory"
      onDelete={() => deleteMemory(id)}
      onSettled={() => refreshMemory(cache)}
      onClose={onClose}
    >
      “{firstLine(text)}” is forgotten, for every agent. This can’t be undone.
    </DeleteDialog>
  );
}
