import { Button } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { formatBytes } from '../../ui/format.ts';
import { CloseIcon } from '../../ui/icons.ts';
import { messageOf } from '../../ui/message-of.ts';
import { SmallAction } from '../../ui/small-action.tsx';
import { Status } from '../../ui/status.tsx';
import classes from './uploads.module.css';
import { dropUpload, resumeUpload, uploadsQuery, type Destination, type Upload } from './uploads.ts';

/** The uploads to a destination: how far each is, why one failed, and what is asked about one whose name is taken. */
export function UploadList({ to }: { readonly to: Destination }) {
  const cache = useQueryClient();
  const uploads = useQuery(uploadsQuery(to.key)).data ?? [];
  if (uploads.length === 0) return null;
  return (
    <ul className={classes.uploads} aria-label="Uploads">
      {uploads.map((upload) => (
        <li key={upload.id} aria-label={upload.path}>
          <span className={classes.name}>{upload.path}</span>
          <span className={classes.buttons}>
            {(upload.state === 'asks' || upload.state === 'failed') && (
              <Button size="compact-xs" variant="default" onClick={() => resumeUpload(cache, to, upload.id)}>
                {upload.state === 'asks' ? 'Replace' : 'Try again'}
              </Button>
            )}
            <SmallAction
              label={`${PUT_ASIDE[upload.state]} ${upload.path}`}
              title={PUT_ASIDE[upload.state]}
              onClick={() => dropUpload(cache, to, upload.id)}
            >
              <CloseIcon size={14} />
            </SmallAction>
          </span>
          <Progress upload={upload} to={to} />
        </li>
      ))}
    </ul>
  );
}

/** What closing an entry does, in a word or two. */
const PUT_ASIDE = {
  asks: 'Leave out',
  waits: 'Leave out',
  sending: 'Stop',
  done: 'Clear',
  failed: 'Clear',
  refused: 'Clear',
} as const satisfies Record<Upload['state'], string>;

interface ProgressProps {
  readonly upload: Upload;
  readonly to: Destination;
}

function Progress({ upload: { state, file, sent, path, outcome, error }, to }: ProgressProps) {
  switch (state) {
    case 'asks':
      return <Status status="waiting" text="There is a file of this name. Replace it?" />;
    case 'waits':
      return <Status status="pending" text={`Waits for those before it, ${formatBytes(file.size)}`} />;
    case 'sending':
      return (
        <span className={classes.sending}>
          <progress value={sent} max={Math.max(1, file.size)} aria-label={`Upload of ${path}`} />
          {sent < file.size
            ? `${formatBytes(sent)} of ${formatBytes(file.size)}`
            : `${formatBytes(file.size)}, ${to.afterwards}`}
        </span>
      );
    case 'done':
      return <Status status="success" text={outcome} />;
    case 'failed':
    case 'refused':
      return (
        <span role="alert" className={classes.failed}>
          <Status status="failed" text="Not uploaded" />
          <span>{messageOf(error)}</span>
        </span>
      );
  }
}
