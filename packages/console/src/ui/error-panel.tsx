import { Button } from '@mantine/core';
import { ClientError } from '@reeve/client';
import { BadIcon, RetryIcon, UnreachableIcon } from './icons.ts';
import classes from './error-panel.module.css';
import { Identifier } from './identifier.tsx';
import { messageOf } from './message-of.ts';

interface ErrorPanelProps {
  readonly error: unknown;
  /** What could not be done, as a sentence's beginning: "The runs could not be loaded". */
  readonly title: string;
  readonly onRetry?: (() => void) | undefined;
}

/** What went wrong in the server's own words, the id to find it by, and a way to try again. */
export function ErrorPanel({ error, title, onRetry }: ErrorPanelProps) {
  const unreachable = error instanceof ClientError && error.status === 0;
  const Icon = unreachable ? UnreachableIcon : BadIcon;
  return (
    <div className={classes.panel} role="alert">
      <Icon size={20} className={classes.icon} />
      <div className={classes.body}>
        <strong>{title}</strong>
        <p className={classes.message}>{messageOf(error)}</p>
        {error instanceof ClientError && error.details.length > 0 && (
          <ul className={classes.details}>
            {error.details.map((detail) => (
              <li key={detail.path}>
                <code>{detail.path}</code>: {detail.message}
              </li>
            ))}
          </ul>
        )}
        {error instanceof ClientError && error.requestId !== undefined && (
          <p className={classes.id}>
            Request <Identifier id={error.requestId} of="request id" full />
          </p>
        )}
        {onRetry !== undefined && (
          <Button size="xs" variant="default" leftSection={<RetryIcon size={14} />} onClick={onRetry}>
            Try again
          </Button>
        )}
      </div>
    </div>
  );
}
