import { Button } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { filesQuery } from '../../api/files.ts';
import { formatCount } from '../../ui/format.ts';
import { FilesIcon } from '../../ui/icons.ts';

interface FilesButtonProps {
  readonly sessionId: string;
  readonly onOpen: () => void;
}

/** Opens the files of a session, and tells how many files and directories lie at their top. */
export function FilesButton({ sessionId, onOpen }: FilesButtonProps) {
  const total = useInfiniteQuery(filesQuery(sessionId, '')).data?.pages[0]?.total ?? 0;
  return (
    <Button
      variant="default"
      size="xs"
      leftSection={<FilesIcon size={16} />}
      title="Files of the session (f)"
      flex="none"
      onClick={onOpen}
    >
      {total === 0 ? 'Files' : `Files (${formatCount(total)})`}
    </Button>
  );
}
