import { Button, Group, Modal } from '@mantine/core';
import type { WorkspaceEntry } from '@reeve/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { deleteFile, refreshFiles } from '../../api/files.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import form from '../../ui/form.module.css';
import { formatBytes } from '../../ui/format.ts';
import classes from './files.module.css';

interface DeleteFileProps {
  readonly sessionId: string;
  readonly file: WorkspaceEntry;
  readonly onClose: () => void;
}

/** Asks before a file is deleted. */
export function DeleteFile({ sessionId, file: { path, size }, onClose }: DeleteFileProps) {
  const cache = useQueryClient();
  const remove = useMutation({
    mutationFn: () => deleteFile(sessionId, path),
    onSuccess: onClose,
    onSettled: () => refreshFiles(cache, sessionId),
  });
  return (
    <Modal opened onClose={onClose} title="Delete the file" closeButtonProps={{ 'aria-label': 'Close' }}>
      <div className={form.form}>
        <p className={classes.text}>
          “{path}” ({formatBytes(size)}) is deleted from the session. This can’t be undone.
        </p>
        {remove.isError && <ErrorPanel title="The file was not deleted" error={remove.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            Keep it
          </Button>
          <Button color="rust" loading={remove.isPending} onClick={() => remove.mutate()}>
            Delete file
          </Button>
        </Group>
      </div>
    </Modal>
  );
}
