import { ActionIcon } from '@mantine/core';
import { formatBytes } from '../../ui/format.ts';
import { CloseIcon, FileIcon } from '../../ui/icons.ts';
import classes from './attached-list.module.css';
import type { AttachedFile } from './use-attached-files.ts';

interface AttachedListProps {
  readonly files: readonly AttachedFile[];
  readonly onRemove: (path: string) => void;
}

/** The files that go with the message being typed: how far each is, or why it cannot go. */
export function AttachedList({ files, onRemove }: AttachedListProps) {
  if (files.length === 0) return null;
  return (
    <ul className={classes.files} aria-label="Attached files">
      {files.map((file) => (
        <li key={file.path} data-state={file.state}>
          <FileIcon size={15} />
          <span className={classes.name} title={file.name}>
            {file.name}
          </span>
          <span className={classes.about} role={file.state === 'failed' ? 'alert' : undefined}>
            {aboutOf(file)}
          </span>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="sm"
            c="var(--soft)"
            aria-label={`Remove ${file.name}`}
            title="Remove"
            onClick={() => onRemove(file.path)}
          >
            <CloseIcon size={14} />
          </ActionIcon>
        </li>
      ))}
    </ul>
  );
}

function aboutOf({ state, size, sent, error }: AttachedFile): string {
  if (state === 'failed') return error ?? 'Not uploaded';
  return state === 'sending' ? `${formatBytes(sent)} of ${formatBytes(size)}` : formatBytes(size);
}
