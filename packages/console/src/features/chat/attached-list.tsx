import { ActionIcon } from '@mantine/core';
import type { ReactNode } from 'react';
import { formatBytes } from '../../ui/format.ts';
import { CloseIcon, FileIcon, RetryIcon } from '../../ui/icons.ts';
import { messageOf } from '../../ui/message-of.ts';
import type { Upload } from '../uploads/uploads.ts';
import classes from './attached-list.module.css';

interface AttachedListProps {
  readonly files: readonly Upload[];
  readonly onRetry: (id: number) => void;
  readonly onRemove: (id: number) => void;
}

/** The files that go with the message being typed: how far each is, or why it cannot go. */
export function AttachedList({ files, onRetry, onRemove }: AttachedListProps) {
  if (files.length === 0) return null;
  return (
    <ul className={classes.files} aria-label="Attached files">
      {files.map(({ id, file: { name, size }, state, sent, error }) => {
        const isBad = state === 'failed' || state === 'refused';
        return (
          <li key={id} data-state={isBad ? 'failed' : state}>
            <FileIcon size={15} />
            <span className={classes.name} title={name}>
              {name}
            </span>
            <span className={classes.about} role={isBad ? 'alert' : undefined}>
              {isBad
                ? messageOf(error)
                : state === 'done'
                  ? formatBytes(size)
                  : `${formatBytes(sent)} of ${formatBytes(size)}`}
            </span>
            {state === 'failed' && (
              <Action label="Try again" name={name} onClick={() => onRetry(id)}>
                <RetryIcon size={14} />
              </Action>
            )}
            <Action label="Remove" name={name} onClick={() => onRemove(id)}>
              <CloseIcon size={14} />
            </Action>
          </li>
        );
      })}
    </ul>
  );
}

interface ActionProps {
  readonly label: string;
  /** The file's. */
  readonly name: string;
  readonly onClick: () => void;
  readonly children: ReactNode;
}

function Action({ label, name, onClick, children }: ActionProps) {
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="sm"
      c="var(--soft)"
      aria-label={`${label} ${name}`}
      title={label}
      onClick={onClick}
    >
      {children}
    </ActionIcon>
  );
}
