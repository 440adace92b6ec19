import { Modal } from '@mantine/core';
import type { Memory } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { memoryQuery } from '../../api/memory.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';

interface MemoryDialogProps {
  readonly id: string;
  readonly title: string;
  readonly onClose: () => void;
  /** What is done with the memory, once it was read as it is now. */
  readonly children: (memory: Memory) => ReactNode;
}

/** A dialog about one memory. */
export function MemoryDialog({ id, title, onClose, children }: MemoryDialogProps) {
  const query = useQuery(memoryQuery(id));
  return (
    <Modal opened onClose={onClose} title={title} size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      {query.data !== undefined ? (
        children(query.data)
      ) : query.isError ? (
        <ErrorPanel title="The memory could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
      ) : (
        <SkeletonRows rows={4} height={56} label="Loading the memory" />
      )}
    </Modal>
  );
}
