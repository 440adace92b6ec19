import { ActionIcon, Button } from '@mantine/core';
import { MAX_UPLOAD_BYTES } from '@reeve/contract';
import { useQueryClient } from '@tanstack/react-query';
import { formatBytes } from '../../ui/format.ts';
import { CloseIcon } from '../../ui/icons.ts';
import { messageOf } from '../../ui/message-of.ts';
import { Status } from '../../ui/status.tsx';
import classes from './files.module.css';
import { dropUpload, resumeUpload, type Upload } from './uploads.ts';

interface UploadListProps {
  readonly sessionId: string;
  readonly uploads: readonly Upload[];
}

/** The uploads of a session: how far each is, why one failed, and what is asked about one whose name is taken. */
export function UploadList({ sessionId, uploads }: UploadListProps) {
  const cache = useQueryClient();
  return (
    <ul className={classes.uploads} aria-label="Uploads">
      {uploads.map((upload) => (
        <li key={upload.id} aria-label={upload.path}>
          <span className={classes.name}>{upload.path}</span>
          <span className={classes.buttons}>
            {mayResume(upload) && (
              <Button size="compact-xs" variant="default" onClick={() => resumeUpload(cache, sessionId, upload.id)}>
                {upload.state === 'asks' ? 'Replace' : 'Try again'}
              </Button>
            )}
            <ActionIcon
              variant="subtle"
              color="gray"
              size="sm"
              c="var(--soft)"
              aria-label={`${PUT_ASIDE[upload.state]} ${upload.path}`}
              title={PUT_ASIDE[upload.state]}
              onClick={() => dropUpload(cache, sessionId, upload.id)}
            >
              <CloseIcon size={14} />
            </ActionIcon>
          </span>
          <Progress upload={upload} />
        </li>
      ))}
    </ul>
  );
}

function mayResume({ state, file }: Upload): boolean {
  return state === 'asks' || (state === 'failed' && file.size <= MAX_UPLOAD_BYTES);
}

/** What closing an entry does, in a word or two. */
const PUT_ASIDE = {
  asks: 'Leave out',
  waits: 'Leave out',
  sending: 'Stop',
  done: 'Clear',
  failed: 'Clear',
} as const satisfies Record<Upload['state'], string>;

function Progress({ upload: { state, file, sent, path, error } }: { readonly upload: Upload }) {
  switch (state) {
    case 'asks':
      return <Status status="waiting" text="There is a file of this name. Replace it?" />;
    case 'waits':
      return <Status status="pending" text={`Waits for those before it, ${formatBytes(file.size)}`} />;
    case 'sending':
      return (
        <span className={classes.sending}>
          <progress value={sent} max={Math.max(1, file.size)} aria-label={`Upload of ${path}`} />
          {formatBytes(Math.min(sent, file.size))} of {formatBytes(file.size)}
        </span>
      );
    case 'done':
      return <Status status="success" text={`Uploaded, ${formatBytes(file.size)}`} />;
    case 'failed':
      return (
        <span role="alert" className={classes.failed}>
          <Status status="failed" text="Not uploaded" />
          <span>{messageOf(error)}</span>
        </span>
      );
  }
}
