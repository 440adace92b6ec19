import { Drawer } from '@mantine/core';
import type { WorkspaceEntry } from '@reeve/contract';
import { useState } from 'react';
import type { Directory } from './directory.ts';
import { FilesPanel } from './files-panel.tsx';

interface FilesDrawerProps {
  readonly sessionId: string;
  readonly directory: Directory;
  readonly onClose: () => void;
}

/** The files of a session beside its conversation. */
export function FilesDrawer({ sessionId, directory, onClose }: FilesDrawerProps) {
  const [deleting, setDeleting] = useState<WorkspaceEntry>();
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size="min(44rem, 100vw)"
      title="Files of the session"
      closeButtonProps={{ 'aria-label': 'Close' }}
      // The key that closes the question before a file is deleted closes that alone.
      closeOnEscape={deleting === undefined}
    >
      <FilesPanel sessionId={sessionId} directory={directory} deleting={deleting} onDelete={setDeleting} />
    </Drawer>
  );
}
