import { formatBytes } from '../../ui/format.ts';
import { CloseIcon, FileIcon, RetryIcon } from '../../ui/icons.ts';
import { messageOf } from '../../ui/message-of.ts';
import { SmallAction } from '../../ui/small-action.tsx';
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
              <SmallAction label={`Try again ${name}`} title="Try again" onClick={() => onRetry(id)}>
                <RetryIcon size={14} />
              </SmallAction>
            )}
            <SmallAction label={`Remove ${name}`} title="Remove" onClick={() => onRemove(id)}>
              <CloseIcon size={14} />
            </SmallAction>
          </li>
        );
      })}
    </ul>
  );
}
