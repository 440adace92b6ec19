import { ActionIcon, Button, Tooltip } from '@mantine/core';
import { routes } from '@reeve/contract';
import { useIsFetching, useMutation, useQueryClient } from '@tanstack/react-query';
import { downloadWorkspace, refreshFiles } from '../../api/files.ts';
import { useMay } from '../../api/identity.ts';
import { ArchiveIcon, RetryIcon, UploadIcon } from '../../ui/icons.ts';
import { saveFile } from '../../ui/save-file.ts';
import classes from './files.module.css';
import { tellFailure } from './tell-failure.ts';

interface FileToolsProps {
  readonly sessionId: string;
  /** Whether the workspace holds nothing, as far as is known. */
  readonly isEmpty: boolean;
  readonly onUpload: () => void;
}

/** What can be done about a workspace as a whole. */
export function FileTools({ sessionId, isEmpty, onUpload }: FileToolsProps) {
  const cache = useQueryClient();
  const mayUpload = useMay(routes.uploadFile);
  const isReading = useIsFetching({ queryKey: ['sessions', 'files', sessionId] }) > 0;
  const save = useMutation({
    mutationFn: () => downloadWorkspace(sessionId),
    onSuccess: (archive) => saveFile(archive, `${sessionId}.zip`),
    onError: tellFailure('The files were not downloaded'),
  });
  return (
    <div className={classes.tools}>
      <Tooltip label="Look again">
        <ActionIcon
          variant="default"
          size={30}
          aria-label="Look again"
          loading={isReading}
          onClick={() => void refreshFiles(cache, sessionId)}
        >
          <RetryIcon size={16} />
        </ActionIcon>
      </Tooltip>
      <Button
        variant="default"
        size="xs"
        leftSection={<ArchiveIcon size={16} />}
        disabled={isEmpty}
        loading={save.isPending}
        title="All files of the session as a zip archive"
        onClick={() => save.mutate()}
      >
        Download all
      </Button>
      {mayUpload && (
        <Button size="xs" leftSection={<UploadIcon size={16} />} onClick={onUpload}>
          Upload
        </Button>
      )}
    </div>
  );
}
