import { Drawer } from '@mantine/core';
import type { WorkspaceEntry } from '@reeve/contract';
import { lazy, Suspense, useState } from 'react';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import type { Directory } from './directory.ts';

const FilesPanel = lazy(async () => ({ default: (await import('./files-panel.tsx')).FilesPanel }));

interface FilesDrawerProps {
  readonly sessionId: string;
  /** The directory to show; closed where undefined. */
  readonly directory: Directory | undefined;
  readonly onClose: () => void;
}

/** The files of a session beside its conversation. */
export function FilesDrawer({ sessionId, directory, onClose }: FilesDrawerProps) {
  const [deleting, setDeleting] = useState<WorkspaceEntry>();
  return (
    <Drawer
      opened={directory !== undefined}
      onClose={onClose}
      position="right"
      size="min(44rem, 100vw)"
      title="Files of the session"
      closeButtonProps={{ 'aria-label': 'Close' }}
      // The key that closes the question before a file is deleted closes that alone.
      closeOnEscape={deleting === undefined}
      keepMounted={false}
    >
      {directory !== undefined && (
        <Suspense fallback={<SkeletonRows rows={5} height={48} label="Loading the files" />}>
          <FilesPanel sessionId={sessionId} directory={directory} deleting={deleting} onDelete={setDeleting} />
        </Suspense>
      )}
    </Drawer>
  );
}
