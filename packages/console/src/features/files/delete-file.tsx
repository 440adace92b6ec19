import type { WorkspaceEntry } from '@reeve/contract';
import { useQueryClient } from '@tanstack/react-query';
import { deleteFile, refreshFiles } from '../../api/files.ts';
import { DeleteDialog } from '../../ui/delete-dialog.tsx';
import { formatBytes } from '../../ui/format.ts';

interface DeleteFileProps {
  readonly sessionId: string;
  readonly file: WorkspaceEntry;
  readonly onClose: () => void;
}

/** Asks before a file is deleted. */
export function DeleteFile({ sessionId, file: { path, size }, onClose }: DeleteFileProps) {
  const cache = useQueryClient();
  return (
    <DeleteDialog
      what="file"
      onDelete={() => deleteFile(sessionId, path)}
      onSettled={() => refreshFiles(cache, sessionId)}
      onClose={onClose}
    >
      “{path}” ({formatBytes(size)}) is deleted from the session. This can’t be undone.
    </DeleteDialog>
  );
}
